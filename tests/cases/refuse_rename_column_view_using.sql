-- case: refuse_rename_column_view_using
-- shows: a view joins by USING of the column: it cannot read a column of another name
-- expect refusal: refused say ON
-- setup
CREATE TABLE a (v int);
CREATE TABLE b (v int);
INSERT INTO a VALUES (1);
CREATE VIEW w AS SELECT v FROM a JOIN b USING (v);
-- migration
-- airlock: rename dual-column
ALTER TABLE a RENAME COLUMN v TO w;
