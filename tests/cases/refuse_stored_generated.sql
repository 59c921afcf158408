-- case: refuse_stored_generated
-- shows: a stored generated column cannot be attached later: there is no silent choice
-- expect refusal: refused blocking
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
ALTER TABLE customers ADD COLUMN double int GENERATED ALWAYS AS (amount * 2) STORED;
