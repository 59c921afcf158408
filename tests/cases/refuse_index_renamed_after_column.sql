-- case: refuse_index_renamed_after_column
-- shows: an index on a column that is renamed by a second column has a successor: it may not be renamed in between
-- expect refusal: refused orders_cust of public.orders is changed while customer is being renamed
-- setup
CREATE TABLE orders (id int PRIMARY KEY, cust int);
CREATE INDEX orders_cust ON orders (cust);
INSERT INTO orders SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE orders RENAME COLUMN cust TO customer;
ALTER INDEX orders_cust RENAME TO orders_customer;
