-- case: type_partitioned_text
-- shows: text of a partitioned table becomes integer by a conversion that can fail; a unique index, a view and a policy over it
-- expect note: column-order
-- setup
CREATE TABLE readings (sensor text NOT NULL, at int NOT NULL, value text, grade varchar(5)) PARTITION BY HASH (at);
CREATE TABLE readings_0 PARTITION OF readings FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE readings_1 PARTITION OF readings FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE UNIQUE INDEX readings_key ON readings (sensor, at);
CREATE INDEX readings_value ON readings (value, at);
ALTER TABLE readings ADD CONSTRAINT once UNIQUE (grade, sensor, at);
INSERT INTO readings SELECT i % 50, i, nullif(i % 7, 0), 'g' FROM generate_series(1, 600) AS i;
CREATE VIEW latest AS SELECT sensor, at FROM readings_1 WHERE at > 500;
ALTER TABLE readings ENABLE ROW LEVEL SECURITY;
CREATE POLICY known ON readings USING (sensor IS NOT NULL) WITH CHECK (sensor IS NOT NULL);
ALTER TABLE readings_1 REPLICA IDENTITY USING INDEX readings_1_sensor_at_idx;
-- migration
ALTER TABLE readings ALTER COLUMN sensor TYPE int USING sensor::int;
ALTER TABLE readings ALTER COLUMN value TYPE numeric(8, 2) USING value::numeric;
-- as-written
DROP VIEW latest;
DROP POLICY known ON readings;
ALTER TABLE readings ALTER COLUMN sensor TYPE int USING sensor::int;
ALTER TABLE readings ALTER COLUMN value TYPE numeric(8, 2) USING value::numeric;
CREATE POLICY known ON readings USING (sensor IS NOT NULL) WITH CHECK (sensor IS NOT NULL);
CREATE VIEW latest AS SELECT sensor, at FROM readings_1 WHERE at > 500;
GRANT SELECT, INSERT, UPDATE, DELETE ON latest TO application;
ALTER TABLE readings_1 REPLICA IDENTITY USING INDEX readings_1_sensor_at_idx;
-- old application
INSERT INTO readings (sensor, at, value, grade) VALUES ('7', :fresh, '8', 'a');
UPDATE readings SET value = '3' WHERE at = :id;
SELECT count(*) >= 0 FROM latest;
-- new application
SELECT count(*) >= 0 FROM latest;
-- new application from gate
INSERT INTO readings (sensor, at, value, grade) VALUES ('8', :fresh, 9, 'b');
UPDATE readings SET value = NULL WHERE at = :id;
-- agree
SELECT count(*) = 0 FROM readings WHERE sensor IS NULL;
