-- case: type_partitioned
-- shows: columns of a partitioned table become bigint: key, foreign key, indexes, checks, what partitions have of their own
-- expect note: column-order
-- setup
CREATE TABLE users (id serial PRIMARY KEY, name text);
INSERT INTO users (name) SELECT 'u' || i FROM generate_series(1, 200) AS i;
CREATE SEQUENCE events_ids AS int;
CREATE TABLE events (
  id int NOT NULL DEFAULT nextval('events_ids'), day date NOT NULL, user_id int REFERENCES users (id), amount int NOT NULL DEFAULT 5,
  CONSTRAINT positive CHECK (amount > 0), PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
ALTER SEQUENCE events_ids OWNED BY events.id;
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') PARTITION BY RANGE (day);
CREATE TABLE events_3a PARTITION OF events_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_user ON events (user_id, day);
CREATE INDEX events_large ON events (amount) WHERE amount > 50;
CREATE INDEX events_1_own ON events_1 (amount DESC, id);
ALTER TABLE events_2 ALTER COLUMN amount SET DEFAULT 7;
ALTER TABLE events_1 ADD CONSTRAINT not_much CHECK (amount < 100000);
ALTER TABLE events_2 ALTER COLUMN amount SET STATISTICS 300;
COMMENT ON COLUMN events.amount IS 'cents';
COMMENT ON COLUMN events_1.amount IS 'cents in January';
GRANT SELECT (amount) ON events TO reporting;
GRANT UPDATE (amount) ON events_1 TO auditor;
CREATE STATISTICS events_stat ON user_id, amount FROM events_2;
INSERT INTO events (day, user_id, amount) SELECT '2026-01-01'::date + i % 150, nullif(i % 201, 0), i % 97 + 1 FROM generate_series(1, 1500) AS i;
-- migration
ALTER TABLE events ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;
ALTER TABLE users ALTER COLUMN id TYPE bigint;
ALTER TABLE events ALTER COLUMN user_id TYPE bigint;
-- old application
INSERT INTO events (day, user_id, amount) VALUES ('2026-01-15', :id, :n + 1);
INSERT INTO events (day) VALUES ('2026-06-01');
INSERT INTO events_2 (day, user_id) VALUES ('2026-02-10', :id);
UPDATE events SET amount = amount + 1 WHERE id = :id;
UPDATE events SET day = '2026-03-15' WHERE id = 401 + :fresh % 1000;
DELETE FROM events WHERE id = :id + 200;
-- new application
INSERT INTO events (day, user_id, amount) VALUES ('2026-03-15', :id, :n + 1);
UPDATE events_1 SET amount = :n + 1 WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM events WHERE amount IS NULL OR id IS NULL;
SELECT count(*) = count(DISTINCT id) FROM events;
