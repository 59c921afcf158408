-- case: refuse_rename_column_two_parents
-- shows: a child has the column from a second table too: the server refuses the rename
-- expect refusal: input cannot rename inherited column
-- setup
CREATE TABLE a (v int);
CREATE TABLE other (v int);
CREATE TABLE c () INHERITS (a, other);
INSERT INTO c VALUES (1);
INSERT INTO a VALUES (1);
-- migration
ALTER TABLE a RENAME COLUMN v TO w;
