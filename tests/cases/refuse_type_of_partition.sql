-- case: refuse_type_of_partition
-- shows: the type of a column is changed for all partitions or for none
-- expect refusal: input inherited column
-- setup
CREATE TABLE log (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO log SELECT i, '2026-01-05' FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE log_1 ALTER COLUMN id TYPE bigint;
