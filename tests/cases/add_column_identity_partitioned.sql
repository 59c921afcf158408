-- case: add_column_identity_partitioned
-- shows: from 17 on a partitioned table can have an identity column, whose sequence its partitions share
-- servers: 17+
-- volatile: readings_1.id, readings_2.id
-- setup
CREATE TABLE readings (sensor int NOT NULL, value int) PARTITION BY LIST (sensor);
CREATE TABLE readings_1 PARTITION OF readings FOR VALUES IN (1, 2, 3);
CREATE TABLE readings_2 PARTITION OF readings DEFAULT;
INSERT INTO readings SELECT i % 9, i FROM generate_series(1, 600) AS i;
-- migration
ALTER TABLE readings ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
-- old application
INSERT INTO readings (sensor, value) VALUES (:n % 9, :n);
UPDATE readings SET value = :n WHERE value = :id;
-- new application
INSERT INTO readings (sensor, value) VALUES (:n % 9, :n) RETURNING id IS NOT NULL;
-- agree at gate
SELECT count(*) = count(DISTINCT id) FROM readings;
-- agree
SELECT count(*) = count(DISTINCT id) FROM readings;
