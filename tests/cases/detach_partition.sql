-- case: detach_partition
-- shows: partitions leave concurrently; the check that the server leaves then goes, keys of one and of several columns, at both levels
-- setup
CREATE TABLE regions (id int PRIMARY KEY);
INSERT INTO regions SELECT generate_series(0, 9);
CREATE TABLE s (id bigint, day date NOT NULL, region int NOT NULL REFERENCES regions, PRIMARY KEY (id, day, region)) PARTITION BY RANGE (day);
CREATE TABLE s1 PARTITION OF s FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE s2 PARTITION OF s FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY LIST (region);
CREATE TABLE s2a PARTITION OF s2 FOR VALUES IN (0, 1, 2, 3, 4);
CREATE TABLE s2b PARTITION OF s2 FOR VALUES IN (5, 6, 7, 8, 9);
CREATE TABLE s3 PARTITION OF s FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');
ALTER TABLE s3 ADD CONSTRAINT s3_day_check CHECK (id > 0);
INSERT INTO s SELECT i, '2026-01-01'::date + i % 85, i % 10 FROM generate_series(1, 1000) AS i;
-- migration
ALTER TABLE s DETACH PARTITION s1;
ALTER TABLE s2 DETACH PARTITION s2b;
ALTER TABLE s DETACH PARTITION s3;
ALTER TABLE s1 RENAME TO "s1 archive";
-- old application
INSERT INTO s (id, day, region) VALUES (:fresh, '2026-02-05', 2);
UPDATE s SET day = day WHERE id = :id AND day BETWEEN '2026-02-01' AND '2026-02-28' AND region < 5;
-- new application
INSERT INTO s (id, day, region) VALUES (:fresh, '2026-02-06', 3);
SELECT count(*) FROM s;
