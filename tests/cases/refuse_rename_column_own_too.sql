-- case: refuse_rename_column_own_too
-- shows: a child has the column as its own beside the inherited one: a second column would not be its own
-- expect refusal: refused NO INHERIT
-- setup
CREATE TABLE a (v int);
CREATE TABLE c (v int);
ALTER TABLE c INHERIT a;
INSERT INTO c VALUES (1);
INSERT INTO a VALUES (1);
-- migration
-- airlock: rename dual-column
ALTER TABLE a RENAME COLUMN v TO w;
