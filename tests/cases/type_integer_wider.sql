-- case: type_integer_wider
-- shows: a column that is no key becomes bigint; what was written before, meanwhile and after the switch is there
-- expect note: column-order
-- setup
CREATE TABLE readings (id bigint PRIMARY KEY, value int NOT NULL DEFAULT 7, small smallint, note text);
INSERT INTO readings SELECT i, i * 3, CASE WHEN i % 5 > 0 THEN i % 100 END, 'n' || i FROM generate_series(1, 900) AS i;
CREATE INDEX readings_value ON readings (value);
CREATE INDEX readings_some ON readings (note) WHERE value > 100;
CREATE INDEX readings_twice ON readings ((value * 2), small) INCLUDE (note);
ALTER TABLE readings ADD CONSTRAINT plausible CHECK (value >= 0);
ALTER TABLE readings ADD CHECK (small < value + 1000) NOT VALID;
COMMENT ON COLUMN readings.value IS 'in millimetres';
COMMENT ON INDEX readings_value IS 'by value';
COMMENT ON CONSTRAINT plausible ON readings IS 'never below zero';
ALTER TABLE readings ALTER COLUMN value SET STATISTICS 200;
CREATE STATISTICS readings_together (ndistinct) ON value, small FROM readings;
GRANT SELECT (value), UPDATE (value) ON readings TO reporting;
-- migration
ALTER TABLE readings ALTER COLUMN value TYPE bigint, ALTER COLUMN small TYPE integer;
-- old application
INSERT INTO readings (id, value) VALUES (:fresh, :n);
INSERT INTO readings (id) VALUES (:fresh);
UPDATE readings SET value = :n WHERE id = :id RETURNING value = :n;
UPDATE readings SET note = :s WHERE id = :id;
UPDATE readings SET small = NULL WHERE id = :id;
DELETE FROM readings WHERE id = :id + 400;
-- new application
INSERT INTO readings (id, value, small) VALUES (:fresh, :n, 5);
UPDATE readings SET value = value + 1 WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM readings WHERE value IS NULL;
