-- case: not_enforced_checks
-- shows: a check that is NOT ENFORCED stays so when its column gets another type or name, or comes with a new column, and is never validated
-- servers: 18+
-- volatile: dep.v
-- setup
CREATE TABLE dep (id int PRIMARY KEY, x int, z int, loose int, CONSTRAINT ne CHECK (x > 0) NOT ENFORCED, CONSTRAINT strict CHECK (x < 5000));
COMMENT ON CONSTRAINT ne ON dep IS 'some day';
INSERT INTO dep SELECT i, -i, -i, -i FROM generate_series(1, 300) AS i;
CREATE TABLE other (id int PRIMARY KEY, x int, CONSTRAINT ne CHECK (x > 0) NOT ENFORCED);
INSERT INTO other SELECT i, -i FROM generate_series(1, 300) AS i;
CREATE TABLE third (id int PRIMARY KEY);
INSERT INTO third SELECT i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE dep ALTER COLUMN x TYPE bigint;
ALTER TABLE dep ADD CONSTRAINT z_ne CHECK (z > 0) NOT ENFORCED;
ALTER TABLE dep ADD COLUMN w int DEFAULT -1 CHECK (w > 0) NOT ENFORCED CHECK (w < 5000);
ALTER TABLE third ADD COLUMN dep_id int DEFAULT -1 REFERENCES other NOT ENFORCED;
ALTER TABLE dep ADD COLUMN v uuid DEFAULT gen_random_uuid() CHECK (v IS NULL) NOT ENFORCED;
ALTER TABLE other RENAME COLUMN x TO xx;
-- old application
INSERT INTO dep (id, x, z) VALUES (:fresh, -:n, -:n);
UPDATE dep SET x = -:n WHERE id = :id;
INSERT INTO other (id, x) VALUES (:fresh, -:n);
UPDATE other SET x = -:n WHERE id = :id;
-- new application
INSERT INTO dep (id, x, z, w) VALUES (:fresh, -:n, -:n, -:n);
UPDATE dep SET w = -:n, x = -:n WHERE id = :id;
INSERT INTO other (id, xx) VALUES (:fresh, -:n);
UPDATE other SET xx = -:n WHERE id = :id;
INSERT INTO third (id, dep_id) VALUES (:fresh, -:n);
