-- case: rename_column_partitioned_view
-- shows: a column of a partitioned table renamed through a view
-- setup
CREATE TABLE events (id bigint, at date NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_b PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events SELECT i, date '2024-01-01' + (i % 700)::int, 'n' FROM generate_series(1, 200) AS i;
CREATE TABLE ledger (id bigint PRIMARY KEY, note text);
INSERT INTO ledger SELECT id, note FROM events;
-- migration
-- airlock: rename view
ALTER TABLE events RENAME COLUMN note TO remark;
-- old application
WITH w AS (UPDATE events SET note = :s WHERE id = :id RETURNING id, note) UPDATE ledger l SET note = w.note FROM w WHERE l.id = w.id;
-- new application
WITH w AS (UPDATE events SET remark = :s WHERE id = :id RETURNING id, remark) UPDATE ledger l SET note = w.remark FROM w WHERE l.id = w.id;
-- agree
SELECT NOT EXISTS (SELECT FROM events e FULL JOIN ledger l USING (id) WHERE e.remark IS DISTINCT FROM l.note);
