-- case: refuse_rename_column_published
-- shows: a view cannot stand in for a published table
-- expect refusal: refused published
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, name text);
INSERT INTO people SELECT i, 'n' FROM generate_series(1, 50) AS i;
CREATE PUBLICATION feed FOR TABLE people;
-- migration
-- airlock: rename view
ALTER TABLE people RENAME COLUMN name TO full_name;
