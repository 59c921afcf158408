-- case: inheritance_brief
-- shows: brief statements on a table with inheritance children, and a fill that must reach them
-- rollback: schema only
-- setup
CREATE TABLE animals (id bigint, legs int);
CREATE TABLE birds (wings int) INHERITS (animals);
INSERT INTO animals SELECT i, 4 FROM generate_series(1, 300) AS i;
INSERT INTO birds SELECT i, 2, 2 FROM generate_series(301, 600) AS i;
-- migration
ALTER TABLE animals ADD COLUMN tail boolean DEFAULT true;
ALTER TABLE animals ADD CONSTRAINT some_legs CHECK (legs >= 0);
UPDATE animals SET tail = false WHERE legs = 2;
-- old application
INSERT INTO animals (id, legs) VALUES (:fresh, 4);
INSERT INTO birds (id, legs, wings) VALUES (:fresh, 3, 2);
