-- case: refuse_unknown_in_index
-- shows: an unknown column in an index
-- expect refusal: input email
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
CREATE INDEX ON customers (lower(emali));
