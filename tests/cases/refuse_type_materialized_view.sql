-- case: refuse_type_materialized_view
-- shows: a view whose own dependants would not come back is in the way, and named
-- expect refusal: input view
-- setup
CREATE TABLE sales (id bigint PRIMARY KEY, amount int);
INSERT INTO sales SELECT i, i FROM generate_series(1, 300) AS i;
CREATE VIEW large AS SELECT id, amount FROM sales WHERE amount > 5;
CREATE MATERIALIZED VIEW per_day AS SELECT count(*) AS n, sum(amount) AS total FROM large;
-- migration
ALTER TABLE sales ALTER COLUMN amount TYPE bigint;
