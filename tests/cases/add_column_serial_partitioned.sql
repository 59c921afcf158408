-- case: add_column_serial_partitioned
-- shows: the leaves of a partitioned table share the sequence of a bigserial column; sub-partitions and a default partition
-- volatile: logs_a.id, logs_b1.id, logs_b2.id, logs_rest.id
-- setup
CREATE TABLE logs (day date NOT NULL, level int, line text) PARTITION BY RANGE (day);
CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE logs_b PARTITION OF logs FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY HASH (level);
CREATE TABLE logs_b1 PARTITION OF logs_b FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE logs_b2 PARTITION OF logs_b FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
INSERT INTO logs SELECT '2026-01-01'::date + i % 90, i % 10, 'line ' || i FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE logs ADD COLUMN id bigserial;
ALTER TABLE logs ADD PRIMARY KEY (id, day, level);
GRANT USAGE ON SEQUENCE logs_id_seq TO application;
-- old application
INSERT INTO logs (day, level, line) VALUES ('2026-01-15', :n % 10, :s);
INSERT INTO logs (day, level, line) VALUES ('2026-02-15', :n % 10, :s);
UPDATE logs SET line = :s WHERE line = 'line ' || :id;
-- new application
INSERT INTO logs (day, level, line) VALUES ('2026-06-15', :n % 10, :s) RETURNING id IS NOT NULL;
-- agree at gate
SELECT count(*) = count(DISTINCT id) FROM logs;
-- agree
SELECT count(*) = count(DISTINCT id) FROM logs;
