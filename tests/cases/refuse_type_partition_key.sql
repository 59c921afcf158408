-- case: refuse_type_partition_key
-- shows: the column that a table is partitioned by keeps its type, on every server
-- expect refusal: input part of the partition key
-- setup
CREATE TABLE log (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO log SELECT i, '2026-01-05' FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE log ALTER COLUMN day TYPE timestamptz;
