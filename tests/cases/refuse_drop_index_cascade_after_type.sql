-- case: refuse_drop_index_cascade_after_type
-- shows: CASCADE does not change that an index which is made again for another type cannot be dropped in between
-- expect refusal: refused tn of public.t is changed while n is being renamed or given another type
-- setup
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE INDEX tn ON t (n);
INSERT INTO t SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE t ALTER COLUMN n TYPE bigint;
DROP INDEX tn CASCADE;
