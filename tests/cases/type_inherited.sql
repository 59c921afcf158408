-- case: type_inherited
-- shows: the column of a table with inheritance children gets another type in all of them
-- expect note: column-order
-- setup
CREATE TABLE owners (id int PRIMARY KEY);
INSERT INTO owners SELECT generate_series(1, 200);
CREATE TABLE assets (id int PRIMARY KEY, owner int REFERENCES owners, value int NOT NULL DEFAULT 1 CHECK (value > 0), label text);
CREATE TABLE cars (wheels int, UNIQUE (id)) INHERITS (assets);
CREATE TABLE trucks (load int CHECK (load < value)) INHERITS (cars);
CREATE TABLE houses (rooms int) INHERITS (assets);
ALTER TABLE cars ADD FOREIGN KEY (owner) REFERENCES owners (id);
ALTER TABLE cars ALTER COLUMN value SET DEFAULT 4;
ALTER TABLE houses ALTER COLUMN owner SET NOT NULL;
CREATE UNIQUE INDEX trucks_id ON trucks (id);
CREATE INDEX ON houses (value) WHERE owner > 3;
COMMENT ON COLUMN houses.value IS 'thousands';
INSERT INTO assets SELECT i, 1 + i % 200, i FROM generate_series(1, 300) AS i;
INSERT INTO cars SELECT i, 1 + i % 200, i, 'c', 4 FROM generate_series(1001, 1300) AS i;
INSERT INTO trucks SELECT i, NULL, i, 't', 6, 5 FROM generate_series(2001, 2300) AS i;
INSERT INTO houses SELECT i, 1 + i % 200, i, 'h', 6 FROM generate_series(3001, 3300) AS i;
-- migration
ALTER TABLE assets ALTER COLUMN value TYPE bigint, ALTER COLUMN id TYPE bigint, ALTER COLUMN owner TYPE bigint;
-- old application
INSERT INTO assets (id, owner) VALUES (:fresh, :id);
INSERT INTO cars (id, wheels) VALUES (:fresh, 3);
UPDATE assets SET value = value + 1 WHERE id % 1000 = :id;
UPDATE houses SET owner = :id WHERE id = 3000 + :id;
-- new application
INSERT INTO trucks (id, value, load) VALUES (:fresh, 50, 40);
UPDATE cars SET value = :n + 10 WHERE id = 1000 + :id;
-- agree
SELECT count(*) = 0 FROM assets WHERE value IS NULL OR id IS NULL;
