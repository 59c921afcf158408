-- case: rename_column_cycle
-- shows: a renamed column in foreign keys that go round in a circle, with names that need quotes
-- expect note: column-order
-- setup
CREATE TABLE "A a" (id int PRIMARY KEY, other int);
CREATE TABLE "B b" (id int PRIMARY KEY, other int NOT NULL REFERENCES "A a" (id));
INSERT INTO "A a" SELECT i FROM generate_series(1, 300) AS i;
INSERT INTO "B b" SELECT i, i FROM generate_series(1, 300) AS i;
UPDATE "A a" SET other = id WHERE id % 3 > 0;
ALTER TABLE "A a" ADD CONSTRAINT "Round" FOREIGN KEY (other) REFERENCES "B b" (id) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX ON "A a" (other) WHERE other > 9;
-- migration
-- airlock: rename dual-column
ALTER TABLE "A a" RENAME COLUMN other TO "The Other";
-- old application
UPDATE "A a" SET other = :id WHERE id = :id;
INSERT INTO "A a" (id, other) VALUES (:fresh, NULL);
-- new application
UPDATE "A a" SET "The Other" = :id WHERE id = :id + 1;
INSERT INTO "A a" (id, "The Other") VALUES (:fresh, :id);
