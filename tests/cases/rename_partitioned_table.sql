-- case: rename_partitioned_table
-- shows: a partitioned table renamed: the old name is a view of the whole
-- setup
CREATE TABLE events (id bigint, at date NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_b PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events SELECT i, date '2024-01-01' + (i % 700)::int, 'n' FROM generate_series(1, 200) AS i;
-- migration
ALTER TABLE events RENAME TO happenings;
-- old application
UPDATE events SET note = :s WHERE id = :id;
INSERT INTO events (id, at, note) VALUES (:fresh, '2024-05-05', :s);
-- new application
UPDATE happenings SET note = :s WHERE id = :id;
