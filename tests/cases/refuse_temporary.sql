-- case: refuse_temporary
-- shows: a temporary table is gone with its connection, and a run has several
-- expect refusal: refused a temporary table is gone with its connection
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 300) AS i;
-- migration
CREATE TEMP TABLE map AS SELECT id, upper(name) AS name FROM customers;
CREATE TABLE orders (id bigint PRIMARY KEY);
