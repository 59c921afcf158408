-- case: partition_of_several_columns
-- shows: a key of several columns with MINVALUE and MAXVALUE, a default partition with sub-partitions, a new partition with sub-partitions
-- new application starts: at the gate
-- setup
CREATE TABLE m (a int, b timestamptz, c text, n bigint) PARTITION BY RANGE (a, b);
CREATE TABLE m_low PARTITION OF m FOR VALUES FROM (MINVALUE, MINVALUE) TO (10, '2026-01-01');
CREATE TABLE m_rest PARTITION OF m DEFAULT PARTITION BY LIST (c);
CREATE TABLE m_rest_x PARTITION OF m_rest FOR VALUES IN ('x');
CREATE TABLE m_rest_y PARTITION OF m_rest DEFAULT;
INSERT INTO m SELECT i % 30, '2026-06-01', (ARRAY['x', 'y'])[i % 2 + 1], i FROM generate_series(1, 600) AS i WHERE i % 30 NOT BETWEEN 15 AND 25;
-- migration
CREATE TABLE m_mid PARTITION OF m FOR VALUES FROM (15, '2026-01-01') TO (20, MINVALUE) PARTITION BY HASH (n);
CREATE TABLE m_mid_0 PARTITION OF m_mid FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE m_mid_1 PARTITION OF m_mid FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE m_one PARTITION OF m FOR VALUES FROM (22, '2026-01-01') TO (22, '2027-01-01');
-- old application
INSERT INTO m (a, b, c, n) VALUES (28, '2026-06-01', 'x', :fresh);
INSERT INTO m (a, b, c, n) VALUES (NULL, '2026-06-01', 'y', :fresh);
UPDATE m SET c = 'y' WHERE n = 1 + :fresh % 600;
-- new application
INSERT INTO m (a, b, c, n) VALUES (17, '2026-06-01', :s, :fresh);
INSERT INTO m (a, b, c, n) VALUES (22, '2026-06-01', :s, :fresh);
