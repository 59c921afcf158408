-- case: rename_table_then_free_type
-- shows: a change of type that costs nothing, of a column of a table that is renamed before: it waits for the view under the old name to go
-- setup
CREATE TABLE "user" (id int PRIMARY KEY, x varchar(30) DEFAULT 'none', total text);
INSERT INTO "user" SELECT i, 'x' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE "user" RENAME TO people;
ALTER TABLE people ALTER COLUMN x TYPE text;
-- old application
UPDATE "user" SET x = 'old' WHERE id = :id;
SELECT x FROM "user" WHERE id = :id;
-- new application
UPDATE people SET x = 'new' WHERE id = :id;
SELECT length(x) FROM people WHERE id = :id;
