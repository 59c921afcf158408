-- case: drop_partition
-- shows: partitions are detached concurrently, then dropped, foreign keys one by one before that; a detached one is dropped in the same migration
-- setup
CREATE TABLE regions (id int PRIMARY KEY);
INSERT INTO regions SELECT generate_series(0, 9);
CREATE TABLE s (id bigint, day date, region int REFERENCES regions) PARTITION BY RANGE (day);
CREATE TABLE "s 1" PARTITION OF s FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE s2 PARTITION OF s FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE s3 PARTITION OF s FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') PARTITION BY HASH (id);
CREATE TABLE s3a PARTITION OF s3 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE s4 PARTITION OF s FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
INSERT INTO s SELECT i, '2026-01-01'::date + i % 120, i % 10 FROM generate_series(1, 1000) AS i;
-- migration
DROP TABLE "s 1";
ALTER TABLE s DETACH PARTITION s2;
DROP TABLE s2;
DROP TABLE s3;
-- old application
INSERT INTO s (id, day, region) VALUES (:fresh, '2026-04-05', 2);
SELECT count(*) FROM s WHERE day = '2026-04-05';
-- new application
INSERT INTO s (id, day, region) VALUES (:fresh, '2026-04-06', 3);
