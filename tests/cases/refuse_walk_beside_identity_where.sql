-- case: refuse_walk_beside_identity_where
-- shows: rows of a partition cannot be changed when the condition of a publication of its root reads a column beside the replica identity
-- servers: 15+
-- expect refusal: refused rows of public.log_1 cannot be changed: publication changes publishes updates, and its WHERE
-- setup
CREATE TABLE log (id int PRIMARY KEY, a int, c text) PARTITION BY RANGE (id);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (1000);
INSERT INTO log SELECT i, i, 'w' || i FROM generate_series(1, 50) AS i;
CREATE PUBLICATION changes FOR TABLE log WHERE (c > '') WITH (publish_via_partition_root = true);
-- migration
ALTER TABLE log ALTER COLUMN a TYPE bigint;
