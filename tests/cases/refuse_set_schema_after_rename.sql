-- case: refuse_set_schema_after_rename
-- shows: a table stays where it is while a column of it is renamed by a second one
-- expect refusal: refused the name or family of public.w changes while m is being renamed
-- setup
CREATE TABLE w (id int PRIMARY KEY, n int);
INSERT INTO w SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE w RENAME COLUMN n TO m;
CREATE SCHEMA archive;
ALTER TABLE w SET SCHEMA archive;
