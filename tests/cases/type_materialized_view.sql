-- case: type_materialized_view
-- shows: a materialized view over the column shows what it holds, and is built anew after the switch with all that belongs to it
-- shows: extended statistics of it, with their target and comment, as well
-- expect note: information
-- setup
CREATE TABLE sales (id int PRIMARY KEY, day int NOT NULL, amount int, label varchar(10));
INSERT INTO sales SELECT i, i % 50, i, 'l' || i % 5 FROM generate_series(1, 600) AS i;
CREATE MATERIALIZED VIEW per_day WITH (fillfactor = 80) AS SELECT day, sum(amount) AS total, max(id) AS latest FROM sales WHERE amount > 5 GROUP BY day;
CREATE UNIQUE INDEX per_day_key ON per_day (day);
CREATE INDEX per_day_total ON per_day (total DESC) WHERE latest > 3;
COMMENT ON MATERIALIZED VIEW per_day IS 'each morning';
COMMENT ON COLUMN per_day.total IS 'cents';
COMMENT ON INDEX per_day_total IS 'largest first';
CREATE STATISTICS "perDay" (ndistinct) ON day, total FROM per_day;
CREATE STATISTICS per_day_expression ON (total + 1) FROM per_day;
ALTER STATISTICS "perDay" SET STATISTICS 55;
COMMENT ON STATISTICS "perDay" IS 'they go together';
ALTER MATERIALIZED VIEW per_day ALTER COLUMN total SET STATISTICS 77;
GRANT SELECT ON per_day TO reporting;
CREATE MATERIALIZED VIEW "Labels" AS SELECT DISTINCT label FROM sales;
-- migration
ALTER TABLE sales ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;
ALTER TABLE sales ALTER COLUMN label TYPE text;
-- as-written
DROP MATERIALIZED VIEW per_day, "Labels";
ALTER TABLE sales ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;
ALTER TABLE sales ALTER COLUMN label TYPE text;
CREATE MATERIALIZED VIEW per_day WITH (fillfactor = 80) AS SELECT day, sum(amount) AS total, max(id) AS latest FROM sales WHERE amount > 5 GROUP BY day;
CREATE UNIQUE INDEX per_day_key ON per_day (day);
CREATE INDEX per_day_total ON per_day (total DESC) WHERE latest > 3;
COMMENT ON MATERIALIZED VIEW per_day IS 'each morning';
COMMENT ON COLUMN per_day.total IS 'cents';
COMMENT ON INDEX per_day_total IS 'largest first';
CREATE STATISTICS "perDay" (ndistinct) ON day, total FROM per_day;
CREATE STATISTICS per_day_expression ON (total + 1) FROM per_day;
ALTER STATISTICS "perDay" SET STATISTICS 55;
COMMENT ON STATISTICS "perDay" IS 'they go together';
ALTER MATERIALIZED VIEW per_day ALTER COLUMN total SET STATISTICS 77;
GRANT SELECT ON per_day TO reporting;
GRANT SELECT, INSERT, UPDATE, DELETE ON per_day TO application;
CREATE MATERIALIZED VIEW "Labels" AS SELECT DISTINCT label FROM sales;
GRANT SELECT, INSERT, UPDATE, DELETE ON "Labels" TO application;
-- old application
INSERT INTO sales (id, day, amount) VALUES (:fresh, 3, :n);
SELECT count(*) = 50 FROM per_day;
-- new application
UPDATE sales SET amount = amount + 1 WHERE id = :id;
SELECT count(*) = 50 FROM per_day;
