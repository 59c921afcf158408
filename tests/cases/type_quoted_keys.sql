-- case: type_quoted_keys
-- shows: names that need quotes everywhere, with foreign keys over the columns that change
-- expect note: column-order
-- setup
CREATE SCHEMA "My Shop";
CREATE TABLE "My Shop"."Order" ("Id" serial PRIMARY KEY, "select" text, "a""b" int CHECK ("a""b" > 0));
INSERT INTO "My Shop"."Order" ("select", "a""b") SELECT 's' || i, i FROM generate_series(1, 300) AS i;
CREATE TABLE "My Shop"."Line ä" ("Nr." bigint PRIMARY KEY, "Order Id" int NOT NULL, CONSTRAINT "Of; Order" FOREIGN KEY ("Order Id") REFERENCES "My Shop"."Order" ("Id") ON UPDATE CASCADE DEFERRABLE);
INSERT INTO "My Shop"."Line ä" SELECT i, i FROM generate_series(1, 300) AS i;
CREATE INDEX "By Order" ON "My Shop"."Line ä" ("Order Id" DESC, "Nr.") WHERE "Order Id" <> 7;
CREATE UNIQUE INDEX "a b" ON "My Shop"."Order" ("a""b") INCLUDE ("select");
CREATE VIEW "My Shop"."V'iew" AS SELECT "Id" AS "ID", "a""b" FROM "My Shop"."Order";
-- migration
ALTER TABLE "My Shop"."Order" ALTER COLUMN "Id" TYPE bigint, ALTER COLUMN "a""b" TYPE bigint;
ALTER SEQUENCE "My Shop"."Order_Id_seq" AS bigint;
ALTER TABLE "My Shop"."Line ä" ALTER COLUMN "Order Id" TYPE bigint;
-- as-written
DROP VIEW "My Shop"."V'iew";
ALTER TABLE "My Shop"."Order" ALTER COLUMN "Id" TYPE bigint, ALTER COLUMN "a""b" TYPE bigint;
ALTER SEQUENCE "My Shop"."Order_Id_seq" AS bigint;
ALTER TABLE "My Shop"."Line ä" ALTER COLUMN "Order Id" TYPE bigint;
CREATE VIEW "My Shop"."V'iew" AS SELECT "Id" AS "ID", "a""b" FROM "My Shop"."Order";
GRANT SELECT, INSERT, UPDATE, DELETE ON "My Shop"."V'iew" TO application;
-- old application
INSERT INTO "My Shop"."Order" ("select", "a""b") VALUES (:s, :fresh % 1000000000 + 1000);
INSERT INTO "My Shop"."Line ä" ("Nr.", "Order Id") SELECT :fresh, "Id" FROM "My Shop"."Order" WHERE "Id" = :id FOR KEY SHARE;
SELECT count(*) >= 0 FROM "My Shop"."V'iew" WHERE "ID" = :id;
-- new application
UPDATE "My Shop"."Line ä" SET "Order Id" = "Order Id" WHERE "Nr." = :id;
SELECT count(*) >= 0 FROM "My Shop"."V'iew" WHERE "ID" = :id;
-- agree
SELECT count(*) = 0 FROM "My Shop"."Line ä" AS l LEFT JOIN "My Shop"."Order" AS o ON o."Id" = l."Order Id" WHERE o."Id" IS NULL;
