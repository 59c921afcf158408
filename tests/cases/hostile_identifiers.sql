-- case: hostile_identifiers
-- shows: names with quotes, semicolons, comment marks, backslashes, dollars, spaces, braces, non-ASCII letters, and names that mean something inside a trigger
-- expect note: column-order
-- new application starts: at the gate
-- setup
CREATE SCHEMA "we;rd ""schema""";
CREATE TABLE "we;rd ""schema"""."ta--ble 'x' {y}" (id bigint PRIMARY KEY, "we;rd ""name""" text, "new" int, "old" int, "back\slash" text, "$1" text, "$$" int, "æøå 名" text, "user" int NOT NULL, " lead" int);
INSERT INTO "we;rd ""schema"""."ta--ble 'x' {y}" SELECT i, 'v' || i, i, i, 'b\' || i, '$' || i, i, 'å' || i, i, i FROM generate_series(1, 400) AS i;
CREATE INDEX "in;dex" ON "we;rd ""schema"""."ta--ble 'x' {y}" ("we;rd ""name""", "$1");
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" ADD CONSTRAINT "ch'eck""" CHECK ("we;rd ""name""" <> 'it''s; -- "$$"');
COMMENT ON COLUMN "we;rd ""schema"""."ta--ble 'x' {y}"."we;rd ""name""" IS 'a '' quote, a \ and $$ and {blocks}';
-- migration
-- airlock: rename dual-column
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" RENAME COLUMN "we;rd ""name""" TO "select";
-- airlock: rename dual-column
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" RENAME COLUMN "new" TO "tg_op";
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" ADD COLUMN "sp lit" text;
UPDATE "we;rd ""schema"""."ta--ble 'x' {y}" SET "sp lit" = "back\slash" || '{table} \ ''; --' || "æøå 名";
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" ALTER COLUMN "sp lit" SET NOT NULL;
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" ALTER COLUMN "old" SET NOT NULL;
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" DROP COLUMN "user";
ALTER TABLE "we;rd ""schema"""."ta--ble 'x' {y}" ADD CONSTRAINT "un;ique" UNIQUE ("$$");
CREATE INDEX ON "we;rd ""schema"""."ta--ble 'x' {y}" (" lead");
-- old application
INSERT INTO "we;rd ""schema"""."ta--ble 'x' {y}" (id, "we;rd ""name""", "new", "old", "back\slash", "æøå 名", "user") VALUES (:fresh, :s, :n, :n, 'b', 'å', 1);
UPDATE "we;rd ""schema"""."ta--ble 'x' {y}" SET "we;rd ""name""" = :s, "new" = :n WHERE id = :id RETURNING "we;rd ""name""" = :s;
-- new application
INSERT INTO "we;rd ""schema"""."ta--ble 'x' {y}" (id, "select", "tg_op", "old", "sp lit") VALUES (:fresh, :s, :n, :n, :s);
UPDATE "we;rd ""schema"""."ta--ble 'x' {y}" SET "select" = :s, "tg_op" = :n WHERE id = :id RETURNING "select" = :s;
-- agree at gate
SELECT count(*) = 0 FROM "we;rd ""schema"""."ta--ble 'x' {y}" WHERE "we;rd ""name""" IS DISTINCT FROM "select" OR "new" IS DISTINCT FROM "tg_op";
-- agree
SELECT count(*) = 0 FROM "we;rd ""schema"""."ta--ble 'x' {y}" WHERE "sp lit" IS NULL;
