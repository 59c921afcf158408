-- case: partitioned_columns_and_checks
-- shows: NOT NULL, checks, a column with a backfill and a volatile default on hash partitions, leaf by leaf
-- volatile: u0.token, u1.token, u2a.token, u2b.token
-- new application starts: at the gate
-- setup
CREATE TABLE u (id bigint NOT NULL, "E mail" text, n int) PARTITION BY HASH (id);
CREATE TABLE u0 PARTITION OF u FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE u1 PARTITION OF u FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE u2 PARTITION OF u FOR VALUES WITH (MODULUS 3, REMAINDER 2) PARTITION BY RANGE (n);
CREATE TABLE u2a PARTITION OF u2 FOR VALUES FROM (0) TO (500);
CREATE TABLE u2b PARTITION OF u2 DEFAULT;
INSERT INTO u SELECT i, 'M' || i || '@X', i FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE u ALTER COLUMN "E mail" SET NOT NULL;
ALTER TABLE u ADD CONSTRAINT has_at CHECK ("E mail" LIKE '%@%');
ALTER TABLE u ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
-- airlock: backfill u.lower = lower("E mail")
ALTER TABLE u ADD COLUMN lower text NOT NULL;
CREATE INDEX ON u (lower);
-- as-written
ALTER TABLE u ALTER COLUMN "E mail" SET NOT NULL;
ALTER TABLE u ADD CONSTRAINT has_at CHECK ("E mail" LIKE '%@%');
ALTER TABLE u ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE u ADD COLUMN lower text;
UPDATE u SET lower = lower("E mail");
ALTER TABLE u ALTER COLUMN lower SET NOT NULL;
CREATE INDEX ON u (lower);
-- old application
INSERT INTO u (id, "E mail", n) VALUES (:fresh, 'F@Y', :n);
UPDATE u SET "E mail" = 'Z@' || :n WHERE id = :id;
-- new application
INSERT INTO u (id, "E mail", n, lower) VALUES (:fresh, 'F@Y', :n, 'f@y');
-- agree at gate
SELECT count(*) = 0 FROM u WHERE lower IS DISTINCT FROM lower("E mail");
