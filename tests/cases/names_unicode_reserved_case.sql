-- case: names_unicode_reserved_case
-- shows: tables and columns that are reserved words, in capitals and outside ASCII, through a view and a fill
-- new application starts: at the gate
-- setup
CREATE SCHEMA "Größe";
CREATE TABLE "Größe"."order" (id bigint PRIMARY KEY, "from" int, "GROUP" int, "größe" text);
INSERT INTO "Größe"."order" SELECT i, i, i % 7, 'g' || i FROM generate_series(1, 500) AS i;
CREATE TABLE "Größe"."Order" (id bigint PRIMARY KEY);
-- migration
ALTER TABLE "Größe"."order" ADD COLUMN "all" int;
UPDATE "Größe"."order" SET "all" = "from" + "GROUP";
ALTER TABLE "Größe"."order" ALTER COLUMN "all" SET NOT NULL;
ALTER TABLE "Größe"."order" ADD CONSTRAINT "CHECK" CHECK ("all" >= 0);
ALTER TABLE "Größe"."order" ADD UNIQUE ("größe");
ALTER TABLE "Größe"."order" RENAME TO "table";
-- old application
INSERT INTO "Größe"."order" (id, "from", "GROUP", "größe") VALUES (:fresh, :n, :n, 'g ' || :fresh);
UPDATE "Größe"."order" SET "from" = :n WHERE id = :id;
-- new application
INSERT INTO "Größe"."table" (id, "from", "GROUP", "all") VALUES (:fresh, 1, 2, 3);
SELECT "all" FROM "Größe"."table" WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM "Größe"."table" WHERE "all" IS DISTINCT FROM "from" + "GROUP";
