-- case: allow_blocking_type_change
-- shows: what has no recipe runs as written when the user allows it, in a transaction of its own
-- rollback: incomplete
-- setup
CREATE TABLE readings (id bigint PRIMARY KEY, value int);
INSERT INTO readings SELECT i, i FROM generate_series(1, 400) AS i;
-- migration
-- airlock: allow blocking "maintenance window"
ALTER TABLE readings ALTER COLUMN value TYPE bigint;
-- airlock: allow opaque "seen by two people"
DO $$ BEGIN UPDATE readings SET value = 0 WHERE id = 7; END $$;
