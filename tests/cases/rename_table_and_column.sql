-- case: rename_table_and_column
-- shows: a table and one of its columns renamed in one migration, the column under the new table name
-- setup
CREATE TABLE stuff (id bigint PRIMARY KEY, a text);
INSERT INTO stuff SELECT i, 'a' || i FROM generate_series(1, 400) AS i;
-- migration
ALTER TABLE stuff RENAME TO things;
-- airlock: rename in-place
ALTER TABLE things RENAME COLUMN a TO z;
