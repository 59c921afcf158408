-- case: attach_partition_prepared
-- shows: what the user has proven and built already is taken as it is: timestamptz bounds in a CHECK, a primary key, a foreign key
-- setup
CREATE TABLE regions (id int PRIMARY KEY);
INSERT INTO regions SELECT generate_series(0, 9);
CREATE TABLE p (id int, at timestamptz NOT NULL, region int REFERENCES regions, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE p2 (id int, at timestamptz NOT NULL, region int REFERENCES regions, CHECK (at >= '2026-02-01' AND at < '2026-03-01'), PRIMARY KEY (id, at));
INSERT INTO p SELECT i, '2026-01-10', i % 10 FROM generate_series(1, 300) AS i;
INSERT INTO p2 SELECT i, '2026-02-10', i % 10 FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 01:00:00+01');
-- old application
INSERT INTO p (id, at, region) VALUES (:fresh, '2026-01-11', 3);
INSERT INTO p2 (id, at, region) VALUES (:fresh, '2026-02-11', 3);
-- new application
INSERT INTO p (id, at, region) VALUES (:fresh, '2026-02-12', 3);
