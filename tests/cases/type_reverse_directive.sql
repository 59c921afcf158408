-- case: type_reverse_directive
-- shows: the way back is given where it cannot be told; quoted names, two columns read
-- expect note: column-order
-- setup
CREATE TABLE "Price list" (id bigint PRIMARY KEY, "Amount" numeric(10, 2) NOT NULL, factor int NOT NULL DEFAULT 1);
INSERT INTO "Price list" SELECT i, i / 4.0, 1 + i % 3 FROM generate_series(1, 600) AS i;
CREATE INDEX "By amount" ON "Price list" ("Amount" DESC) WHERE factor > 1;
-- migration
-- airlock: reverse "Price list"."Amount" = "Amount" / 100.0
ALTER TABLE "Price list" ALTER COLUMN "Amount" TYPE bigint USING ("Amount" * 100 + 0 * factor)::bigint;
-- old application
INSERT INTO "Price list" (id, "Amount") VALUES (:fresh, 3);
UPDATE "Price list" SET "Amount" = 7 WHERE id = :id;
UPDATE "Price list" SET factor = 2 WHERE id = :id;
-- new application
UPDATE "Price list" SET factor = 3 WHERE id = :id;
-- new application from gate
UPDATE "Price list" SET "Amount" = 900 WHERE id = :id RETURNING "Amount" = 900;
