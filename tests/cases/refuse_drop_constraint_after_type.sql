-- case: refuse_drop_constraint_after_type
-- shows: what hangs on a column that gets another type is made again for it: it may not be dropped in between
-- expect refusal: refused n_pos of public.t is changed while n is being renamed or given another type
-- setup
CREATE TABLE t (id int PRIMARY KEY, n int CONSTRAINT n_pos CHECK (n > 0));
INSERT INTO t SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE t ALTER COLUMN n TYPE bigint;
ALTER TABLE t DROP CONSTRAINT n_pos;
