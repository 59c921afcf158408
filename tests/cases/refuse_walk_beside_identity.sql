-- case: refuse_walk_beside_identity
-- shows: rows of a table whose publication has a list of columns that does not hold the replica identity cannot be changed
-- servers: 15+
-- expect refusal: refused list of columns does not go together with the replica identity
-- setup
CREATE TABLE log (id int PRIMARY KEY, a int, c text);
ALTER TABLE log REPLICA IDENTITY FULL;
INSERT INTO log SELECT i, i, 'w' || i FROM generate_series(1, 50) AS i;
CREATE PUBLICATION changes FOR TABLE log (id, a, c);
-- migration
ALTER TABLE log ALTER COLUMN a TYPE bigint;
