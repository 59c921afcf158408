-- case: attach_partition_hash
-- shows: a filled table becomes a hash partition; a second one becomes the default partition of a range
-- new application starts: at the gate
-- setup
CREATE TABLE h (id int NOT NULL, t text) PARTITION BY HASH (id, t);
CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE h1 (id int NOT NULL, t text);
CREATE TABLE fit (id int NOT NULL, t text) PARTITION BY HASH (id, t);
CREATE TABLE fit0 PARTITION OF fit FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE fit1 PARTITION OF fit FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO fit SELECT i, 't' || i FROM generate_series(1, 600) AS i;
INSERT INTO h0 SELECT * FROM fit0;
CREATE TABLE r (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE r2 PARTITION OF r FOR VALUES FROM ('2026-02-01') TO (MAXVALUE);
CREATE TABLE r_old (id int, day date);
INSERT INTO r SELECT i, '2026-01-01'::date + i % 90 FROM generate_series(1, 300) AS i;
INSERT INTO r_old SELECT i, '2025-01-01'::date + i % 300 FROM generate_series(1, 300) AS i;
CREATE INDEX ON r (day);
-- migration
ALTER TABLE fit DETACH PARTITION fit1;
ALTER TABLE h ATTACH PARTITION fit1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE r ATTACH PARTITION r_old DEFAULT;
-- old application
INSERT INTO r (id, day) VALUES (:fresh, '2026-01-15');
INSERT INTO r_old (id, day) VALUES (:fresh, '2025-05-15');
UPDATE r_old SET day = '2024-01-01' WHERE id = :id;
-- new application
INSERT INTO r (id, day) VALUES (:fresh, '2020-01-01');
