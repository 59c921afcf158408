-- case: refuse_rename_column_own_check
-- shows: a child has a check as its own beside the inherited one: one for the second column would not be its own
-- expect refusal: refused its own beside that of the table above
-- setup
CREATE TABLE a (v int CONSTRAINT pos CHECK (v > 0));
CREATE TABLE c (CONSTRAINT pos CHECK (v > 0)) INHERITS (a);
INSERT INTO c VALUES (1);
INSERT INTO a VALUES (1);
-- migration
-- airlock: rename dual-column
ALTER TABLE a RENAME COLUMN v TO w;
