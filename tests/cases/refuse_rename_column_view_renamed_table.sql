-- case: refuse_rename_column_view_renamed_table
-- shows: a view of the same migration that was written with the name that a table had then cannot be replaced by one that reads another column
-- expect refusal: refused otherwise than it is called now
-- setup
CREATE TABLE t (id int, a int, b int);
CREATE TABLE o (id int, x int);
INSERT INTO t VALUES (1, 2, 3);
INSERT INTO o VALUES (1, 2);
-- migration
CREATE VIEW vv AS SELECT * FROM t JOIN o USING (id);
ALTER TABLE o RENAME TO o2;
ALTER TABLE o2 RENAME COLUMN x TO y;
