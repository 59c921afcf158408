-- case: refuse_type_materialized_view_over_view
-- shows: a materialized view over a view over the column is in the way, and that is said before anything starts
-- expect refusal: input materialized view public.totals reads view public.large
-- setup
CREATE TABLE orders (id bigint PRIMARY KEY, amount int NOT NULL);
INSERT INTO orders SELECT i, i FROM generate_series(1, 200) AS i;
CREATE VIEW large AS SELECT id, amount FROM orders WHERE amount > 50;
CREATE MATERIALIZED VIEW totals AS SELECT sum(amount) AS total FROM large;
-- migration
ALTER TABLE orders ALTER COLUMN amount TYPE bigint;
