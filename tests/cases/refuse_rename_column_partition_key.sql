-- case: refuse_rename_column_partition_key
-- shows: a partition key holds its column: no second one can stand for it
-- expect refusal: refused partition key
-- setup
CREATE TABLE events (id bigint, note text) PARTITION BY RANGE (id);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM (0) TO (1000);
INSERT INTO events SELECT i, 'n' FROM generate_series(1, 50) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE events RENAME COLUMN id TO event_id;
