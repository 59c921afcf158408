-- case: create_schema_with_elements
-- shows: what is created inside CREATE SCHEMA is known, runs as it is, and goes one by one in a rollback
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 100) AS i;
-- migration
CREATE SCHEMA "Sales"
    CREATE VIEW recent AS SELECT id, customer FROM orders
    CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES public.customers (id))
    CREATE INDEX ON orders (customer);
-- old application
SELECT name FROM customers WHERE id = :id;
