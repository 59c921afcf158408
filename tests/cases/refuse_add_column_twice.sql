-- case: refuse_add_column_twice
-- shows: the second statement sees what the first one did
-- expect refusal: input already exists
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
ALTER TABLE customers ADD COLUMN fax text;
ALTER TABLE customers ADD COLUMN fax text;
