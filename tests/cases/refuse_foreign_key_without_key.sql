-- case: refuse_foreign_key_without_key
-- shows: a foreign key to columns without a unique key
-- expect refusal: input unique
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
ALTER TABLE orders ADD FOREIGN KEY (id) REFERENCES customers (amount);
