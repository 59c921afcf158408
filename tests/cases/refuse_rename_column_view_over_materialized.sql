-- case: refuse_rename_column_view_over_materialized
-- shows: a view over a materialized view over the column: the materialized view cannot be exchanged under it
-- expect refusal: refused built anew under another one
-- setup
CREATE TABLE a (v int);
INSERT INTO a VALUES (1);
CREATE MATERIALIZED VIEW m AS SELECT v FROM a;
CREATE VIEW w AS SELECT v FROM m;
-- migration
-- airlock: rename dual-column
ALTER TABLE a RENAME COLUMN v TO w;
