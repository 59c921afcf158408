-- case: refuse_index_option_before_type
-- shows: a storage parameter that was set earlier in the migration would not be that of the index that is made again
-- expect refusal: refused n is renamed or given another type after tn was changed
-- setup
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE INDEX tn ON t (n);
INSERT INTO t SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER INDEX tn SET (fillfactor = 50);
ALTER TABLE t ALTER COLUMN n TYPE bigint;
