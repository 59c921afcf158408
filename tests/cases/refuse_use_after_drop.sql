-- case: refuse_use_after_drop
-- shows: a column that an earlier statement dropped
-- expect refusal: input amount
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
ALTER TABLE customers DROP COLUMN amount;
CREATE INDEX ON customers (amount);
