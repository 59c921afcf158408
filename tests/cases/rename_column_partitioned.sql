-- case: rename_column_partitioned
-- shows: a column of a partitioned table is renamed through a view: nothing is copied on any leaf
-- setup
CREATE TABLE t (id bigint NOT NULL, "E mail" text, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE t2 PARTITION OF t DEFAULT PARTITION BY HASH (id);
CREATE TABLE t2a PARTITION OF t2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE t2b PARTITION OF t2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO t SELECT i, 'm' || i, '2026-01-01'::date + i % 50 FROM generate_series(1, 600) AS i;
CREATE INDEX ON t ("E mail");
-- migration
-- airlock: rename view
ALTER TABLE t RENAME COLUMN "E mail" TO mail;
-- old application
INSERT INTO t (id, "E mail", day) VALUES (:fresh, :s, '2026-01-05');
UPDATE t SET "E mail" = :s WHERE id = :id RETURNING "E mail" = :s;
-- new application
INSERT INTO t (id, mail, day) VALUES (:fresh, :s, '2026-03-05') RETURNING mail = :s;
UPDATE t SET mail = :s WHERE id = :id RETURNING mail = :s;
