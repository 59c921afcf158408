-- case: refuse_type_inherited_own
-- shows: a child that had the column before it became one would keep the old column behind
-- expect refusal: refused NO INHERIT
-- setup
CREATE TABLE assets (id int, value int NOT NULL);
CREATE TABLE cars (id int, value int NOT NULL, wheels int);
ALTER TABLE cars INHERIT assets;
INSERT INTO assets SELECT i, i FROM generate_series(1, 100) AS i;
INSERT INTO cars SELECT i, i, 4 FROM generate_series(1, 100) AS i;
-- migration
ALTER TABLE assets ALTER COLUMN value TYPE bigint;
