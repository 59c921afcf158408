-- case: refuse_rename_column_of_partition
-- shows: a column of a partition cannot be renamed alone
-- expect refusal: input inherited
-- setup
CREATE TABLE events (id bigint, note text) PARTITION BY RANGE (id);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM (0) TO (1000);
INSERT INTO events SELECT i, 'n' FROM generate_series(1, 50) AS i;
-- migration
ALTER TABLE events_a RENAME COLUMN note TO remark;
