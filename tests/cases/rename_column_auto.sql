-- case: rename_column_auto
-- shows: without a directive the engine chooses; a column of an empty table and one of a table with rows
-- expect note: column-order
-- setup
CREATE TABLE empty_one (id bigint PRIMARY KEY, a int);
CREATE TABLE full_one (id bigint PRIMARY KEY, a int, b text);
INSERT INTO full_one SELECT i, i, 'b' FROM generate_series(1, 400) AS i;
-- migration
ALTER TABLE empty_one RENAME COLUMN a TO z;
ALTER TABLE full_one RENAME COLUMN a TO z;
