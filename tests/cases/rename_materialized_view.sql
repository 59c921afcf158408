-- case: rename_materialized_view
-- shows: a materialized view renamed: the old name is a view that can be read until contract
-- expect note: application
-- setup
CREATE TABLE sales (id bigint PRIMARY KEY, amount int);
INSERT INTO sales SELECT i, i % 7 FROM generate_series(1, 300) AS i;
CREATE MATERIALIZED VIEW totals AS SELECT amount, count(*) AS n FROM sales GROUP BY amount;
CREATE UNIQUE INDEX totals_amount ON totals (amount);
GRANT SELECT ON totals TO application;
-- migration
ALTER MATERIALIZED VIEW totals RENAME TO amounts;
-- old application
SELECT count(*) = 7 FROM totals;
-- new application
SELECT count(*) = 7 FROM amounts;
