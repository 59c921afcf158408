-- case: refuse_unknown_column_in_expression
-- shows: an unknown column inside an expression is found before anything runs
-- expect refusal: input amount
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text, amount int, code varchar(10), note text NOT NULL DEFAULT '');
INSERT INTO customers SELECT i, 'e' || i, i, 'c' || i FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers);
CREATE INDEX customers_email ON customers (email);
-- migration
UPDATE customers SET amount = amuont * 2 WHERE id > 5;
