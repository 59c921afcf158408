-- case: refuse_rename_column_inherited
-- shows: an inherited column is renamed where it comes from
-- expect refusal: input cannot rename inherited column
-- setup
CREATE TABLE a (v int);
CREATE TABLE c () INHERITS (a);
INSERT INTO c VALUES (1);
-- migration
ALTER TABLE c RENAME COLUMN v TO w;
