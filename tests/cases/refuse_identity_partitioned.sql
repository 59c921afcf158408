-- case: refuse_identity_partitioned
-- shows: before 17 the server itself has no identity column of a partitioned table
-- servers: 14, 15, 16
-- expect refusal: refused bigserial
-- setup
CREATE TABLE readings (sensor int NOT NULL, value int) PARTITION BY LIST (sensor);
CREATE TABLE readings_1 PARTITION OF readings DEFAULT;
INSERT INTO readings SELECT i % 9, i FROM generate_series(1, 600) AS i;
-- migration
ALTER TABLE readings ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
