-- case: refuse_rename_column_name_in_child
-- shows: a child has a column of the new name
-- expect refusal: input already exists
-- setup
CREATE TABLE a (v int);
CREATE TABLE c (w int) INHERITS (a);
INSERT INTO c VALUES (1);
INSERT INTO a VALUES (1);
-- migration
ALTER TABLE a RENAME COLUMN v TO w;
