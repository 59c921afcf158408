-- case: refuse_walk_without_identity
-- shows: rows of a table that publishes updates without a replica identity cannot be changed, which no plan finds out on the way
-- expect refusal: refused REPLICA IDENTITY FULL
-- setup
CREATE TABLE log (id int, what text);
INSERT INTO log SELECT i, 'w' || i FROM generate_series(1, 50) AS i;
CREATE PUBLICATION everything FOR ALL TABLES;
-- migration
ALTER TABLE log ALTER COLUMN id TYPE bigint;
