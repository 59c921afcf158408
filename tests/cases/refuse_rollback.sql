-- case: refuse_rollback
-- shows: ROLLBACK takes back what a plan would do for good
-- expect refusal: refused ROLLBACK takes back what a plan does for good
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 300) AS i;
-- migration
BEGIN;
DELETE FROM customers;
ROLLBACK;
