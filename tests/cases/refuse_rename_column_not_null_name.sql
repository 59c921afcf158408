-- case: refuse_rename_column_not_null_name
-- shows: NOT NULL of an inheritance child has a name of its own, which the new column could not get
-- servers: 18
-- expect refusal: refused has another name than that of
-- setup
CREATE TABLE a (id int, v int);
CREATE TABLE c (n text) INHERITS (a);
CREATE TABLE e () INHERITS (a);
CREATE TABLE "D" () INHERITS (e);
ALTER TABLE c ALTER COLUMN v SET NOT NULL;
ALTER TABLE a ADD CONSTRAINT "Known" NOT NULL v;
INSERT INTO a SELECT i, i FROM generate_series(1, 200) AS i;
INSERT INTO c SELECT i, i FROM generate_series(201, 400) AS i;
INSERT INTO "D" SELECT i, i FROM generate_series(401, 600) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE a RENAME COLUMN v TO w;
