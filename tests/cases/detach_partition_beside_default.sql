-- case: detach_partition_beside_default
-- shows: with a default partition there is no concurrent form: under the stall budget, in milliseconds
-- expect note: information
-- setup
CREATE TABLE s (id bigint, kind int) PARTITION BY LIST (kind);
CREATE TABLE s1 PARTITION OF s FOR VALUES IN (1);
CREATE TABLE s2 PARTITION OF s FOR VALUES IN (2);
CREATE TABLE s_rest PARTITION OF s DEFAULT;
INSERT INTO s SELECT i, i % 5 FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE s DETACH PARTITION s1;
DROP TABLE s2;
-- old application
INSERT INTO s (id, kind) VALUES (:fresh, 3);
SELECT count(*) FROM s WHERE kind = 4;
-- new application
INSERT INTO s (id, kind) VALUES (:fresh, 4);
