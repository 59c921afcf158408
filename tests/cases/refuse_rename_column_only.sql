-- case: refuse_rename_column_only
-- shows: a column cannot be renamed in the parent alone
-- expect refusal: input must be renamed in child tables too
-- setup
CREATE TABLE a (v int);
CREATE TABLE c () INHERITS (a);
INSERT INTO c VALUES (1);
INSERT INTO a VALUES (1);
-- migration
ALTER TABLE ONLY a RENAME COLUMN v TO w;
