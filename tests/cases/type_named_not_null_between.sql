-- case: type_named_not_null_between
-- shows: a NOT NULL that the migration names, on a column whose type changes together with that of another, keeps its name
-- servers: 18+
-- setup
CREATE TABLE dep (id int PRIMARY KEY, x int, y int);
INSERT INTO dep SELECT i, i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE dep ALTER COLUMN x TYPE bigint;
ALTER TABLE dep ADD CONSTRAINT ynn NOT NULL y;
ALTER TABLE dep ALTER COLUMN y TYPE bigint;
-- old application
UPDATE dep SET x = :n, y = :n WHERE id = :id;
INSERT INTO dep (id, x, y) VALUES (:fresh, :n, :n);
-- new application
UPDATE dep SET x = :n, y = :n WHERE id = :id;
