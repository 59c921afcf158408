-- case: refuse_whole_rows_in_order
-- shows: a row as a whole of a table whose columns will stand in another order
-- expect refusal: refused Name the columns
-- setup
CREATE TABLE t (id int PRIMARY KEY, a int, b text);
INSERT INTO t SELECT i, i % 9, 'b' || i FROM generate_series(1, 300) AS i;
CREATE TABLE texts (row text);
-- migration
ALTER TABLE t ALTER a TYPE bigint;
INSERT INTO texts SELECT t::text FROM t;
