-- case: refuse_drop_table_in_use
-- shows: DROP TABLE without CASCADE on a table that a foreign key points to would fail
-- expect refusal: input orders
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
DROP TABLE customers;
