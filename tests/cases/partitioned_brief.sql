-- case: partitioned_brief
-- shows: brief statements on a partitioned table reach every partition; a fill walks the leaves
-- rollback: schema only
-- setup
CREATE TABLE metrics (id bigint NOT NULL, day int NOT NULL, value int) PARTITION BY RANGE (day);
CREATE TABLE metrics_1 PARTITION OF metrics FOR VALUES FROM (0) TO (100);
CREATE TABLE metrics_2 PARTITION OF metrics FOR VALUES FROM (100) TO (200) PARTITION BY LIST (id);
CREATE TABLE metrics_2_rest PARTITION OF metrics_2 DEFAULT;
INSERT INTO metrics SELECT i, i % 200, i FROM generate_series(1, 1000) AS i;
-- migration
ALTER TABLE metrics ADD COLUMN note text;
ALTER TABLE metrics ADD COLUMN unit text NOT NULL DEFAULT 'm';
ALTER TABLE metrics ALTER COLUMN value SET DEFAULT 0;
UPDATE metrics SET note = 'value ' || value WHERE value < 500;
COMMENT ON COLUMN metrics.note IS 'in words';
-- old application
INSERT INTO metrics (id, day, value) VALUES (:fresh, :n % 200, 700);
UPDATE metrics SET value = 600 WHERE id = :id AND value >= 500;
-- new application
INSERT INTO metrics (id, day, value, note) VALUES (:fresh, :n % 200, 700, :s);
SELECT note, unit FROM metrics WHERE id = :id;
