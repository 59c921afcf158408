-- case: add_column_serial_quoted
-- shows: smallserial under names that need quotes, in another schema, of which nobody but the owner inserts
-- volatile: "My Schema"."Ord""ers".nr
-- setup
CREATE SCHEMA "My Schema";
CREATE TABLE "My Schema"."Ord""ers" ("Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(), "select" int);
INSERT INTO "My Schema"."Ord""ers" ("Id", "select") SELECT md5(i::text)::uuid, i FROM generate_series(1, 500) AS i;
CREATE SEQUENCE "My Schema"."Ord""ers_nr_seq";
-- migration
ALTER TABLE "My Schema"."Ord""ers" ADD COLUMN nr smallserial UNIQUE CHECK (nr > 0);
