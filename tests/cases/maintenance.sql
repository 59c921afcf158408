-- case: maintenance
-- shows: REINDEX becomes CONCURRENTLY, for an index that is invalid and for partitions too; VACUUM runs outside a transaction; a type of an extension that the migration creates
-- setup
CREATE TABLE "Big" (id int PRIMARY KEY, a int, b text);
INSERT INTO "Big" SELECT g, g % 10, 'b' || g FROM generate_series(1, 700) AS g;
CREATE INDEX "By a" ON "Big" (a);
CREATE UNIQUE INDEX "By b" ON "Big" (b);
CREATE TABLE parts (id int, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
INSERT INTO parts SELECT g, date '2026-01-01' + g % 300 FROM generate_series(1, 500) AS g;
-- migration
REINDEX INDEX "By a";
REINDEX TABLE "Big";
REINDEX TABLE parts;
VACUUM (ANALYZE) "Big";
VACUUM parts;
CREATE EXTENSION IF NOT EXISTS citext;
ALTER TABLE "Big" ADD COLUMN login citext;
-- old application
INSERT INTO "Big" VALUES (:fresh, 1, 'fresh ' || :fresh);
UPDATE "Big" SET a = :n WHERE id = :id;
INSERT INTO parts VALUES (:fresh, '2026-03-01');
-- new application
SELECT count(*) >= 0 FROM "Big" WHERE login = 'x';
