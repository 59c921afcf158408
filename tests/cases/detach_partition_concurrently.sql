-- case: detach_partition_concurrently
-- shows: CONCURRENTLY as written keeps the check that it leaves
-- setup
CREATE TABLE s (id bigint, kind int) PARTITION BY HASH (id);
CREATE TABLE s1 PARTITION OF s FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE s2 PARTITION OF s FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO s SELECT i, i % 5 FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE s DETACH PARTITION s1 CONCURRENTLY;
-- old application
SELECT count(*) FROM s WHERE kind = 4;
UPDATE s SET kind = 1 WHERE id = :id;
-- new application
SELECT count(*) FROM s WHERE kind = 2;
