-- case: rename_column_partitioned_dual
-- shows: columns of a partitioned table are renamed by a second column: key, foreign key, indexes, checks, statistics, what partitions have of their own
-- expect note: column-order
-- setup
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 200) AS i;
CREATE SEQUENCE events_ids AS int;
CREATE TABLE events (
  id int NOT NULL DEFAULT nextval('events_ids'), day date NOT NULL, user_id int REFERENCES users (id), amount int NOT NULL DEFAULT 5, "E mail" text,
  CONSTRAINT positive CHECK (amount > 0), PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
ALTER SEQUENCE events_ids OWNED BY events.id;
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 (user_id int, "E mail" text, id int CONSTRAINT events_id_not_null NOT NULL, amount int CONSTRAINT events_amount_not_null NOT NULL DEFAULT 5 CONSTRAINT positive CHECK (amount > 0), day date CONSTRAINT events_day_not_null NOT NULL);
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
ALTER TABLE events_2 ALTER COLUMN id SET DEFAULT nextval('events_ids');
CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') PARTITION BY RANGE (day);
CREATE TABLE events_3a PARTITION OF events_3 FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX events_user ON events (user_id, day);
CREATE UNIQUE INDEX events_once ON events (day, amount, id) WHERE amount > 5;
CREATE INDEX events_large ON events (lower("E mail") DESC) INCLUDE (amount);
CREATE INDEX events_1_own ON events_1 (amount DESC, id);
ALTER INDEX events_1_user_id_day_idx RENAME TO january;
ALTER TABLE events_1 ADD CONSTRAINT not_much CHECK (amount < 100000);
ALTER TABLE events_1 ALTER COLUMN "E mail" SET NOT NULL;
ALTER TABLE events_2 ALTER COLUMN amount SET STATISTICS 300;
ALTER TABLE events_rest ADD UNIQUE (amount, id, day);
ALTER TABLE events_rest ADD FOREIGN KEY (amount) REFERENCES users (id) NOT VALID;
COMMENT ON COLUMN events.amount IS 'cents';
COMMENT ON COLUMN events_1.amount IS 'cents in January';
COMMENT ON CONSTRAINT events_pkey ON events IS 'the key';
GRANT SELECT (amount) ON events TO reporting;
GRANT UPDATE (amount) ON events_1 TO auditor;
CREATE STATISTICS events_stat ON user_id, amount FROM events_2;
INSERT INTO events (day, user_id, amount, "E mail") SELECT '2026-01-01'::date + i % 150, nullif(i % 201, 0), i % 97 + 1, 'M' || i FROM generate_series(1, 1500) AS i;
-- migration
ALTER TABLE events RENAME COLUMN id TO event_id;
ALTER TABLE events RENAME COLUMN user_id TO "User";
ALTER TABLE events RENAME COLUMN amount TO cents;
ALTER TABLE events RENAME COLUMN "E mail" TO mail;
-- old application
INSERT INTO events (day, user_id, amount, "E mail") VALUES ('2026-01-15', :id, :id % 90 + 1, :s) RETURNING "E mail" = :s;
INSERT INTO events (day, amount, "E mail") VALUES ('2026-06-01', :id, 'x');
INSERT INTO events_2 (day, user_id) VALUES ('2026-02-10', :id);
UPDATE events SET amount = amount + 1 WHERE id = :id RETURNING amount > 1;
DELETE FROM events WHERE id = :id + 200;
-- new application
INSERT INTO events (day, "User", cents, mail) VALUES ('2026-03-15', :id, :id % 90 + 1, :s) RETURNING mail = :s;
INSERT INTO events (day) VALUES ('2026-03-15') RETURNING cents = 5 AND event_id IS NOT NULL;
UPDATE events_1 SET cents = cents + 1, mail = :s WHERE event_id = :id RETURNING mail = :s;
UPDATE events SET mail = :s WHERE event_id = :id RETURNING mail = :s;
-- agree at gate
SELECT NOT EXISTS (SELECT FROM events WHERE id IS DISTINCT FROM event_id OR amount IS DISTINCT FROM cents OR "User" IS DISTINCT FROM user_id OR mail IS DISTINCT FROM "E mail");
