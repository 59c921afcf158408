-- case: refuse_drop_column_of_view
-- shows: DROP COLUMN without CASCADE of a column that a view reads would fail
-- expect refusal: input seen
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
CREATE VIEW seen AS SELECT email FROM customers;
ALTER TABLE customers DROP COLUMN email;
