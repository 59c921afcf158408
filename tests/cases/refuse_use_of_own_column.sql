-- case: refuse_use_of_own_column
-- shows: a statement that drops the default of a column which it adds itself: the server drops first
-- expect refusal: input does not exist
-- setup
CREATE TABLE t (id bigint PRIMARY KEY);
INSERT INTO t VALUES (1);
-- migration
ALTER TABLE t ADD COLUMN k int, ALTER COLUMN k DROP DEFAULT;
