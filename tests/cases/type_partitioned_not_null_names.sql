-- case: type_partitioned_not_null_names
-- shows: NOT NULL constraints of partitions that have names of their own get that of the table above with the new type, as written, and their own back with a rollback
-- servers: 18
-- expect note: inheritance
-- setup
CREATE TABLE events (id int NOT NULL, day date NOT NULL, amount int CONSTRAINT "Amount known" NOT NULL, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 (id int CONSTRAINT "own id" NOT NULL, day date NOT NULL, amount int CONSTRAINT mine NOT NULL, note text);
COMMENT ON CONSTRAINT mine ON events_2 IS 'mine alone';
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE events_3 (id int NOT NULL, day date NOT NULL, amount int CONSTRAINT "Third" NOT NULL, note text) PARTITION BY RANGE (day);
CREATE TABLE events_3a PARTITION OF events_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX ON events (amount);
INSERT INTO events SELECT i, '2026-01-01'::date + i % 150, i, 'n' FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE events ALTER COLUMN amount TYPE bigint, ALTER COLUMN id TYPE bigint;
-- old application
INSERT INTO events (id, day, amount, note) VALUES (:fresh, '2026-02-10', :n, :s);
UPDATE events SET amount = amount + 1 WHERE id = :id;
-- new application
INSERT INTO events (id, day, amount, note) VALUES (:fresh, '2026-03-10', :n, :s);
UPDATE events SET amount = :n WHERE id = :id RETURNING amount = :n;
-- agree
SELECT count(*) = 0 FROM events WHERE amount IS NULL OR id IS NULL;
