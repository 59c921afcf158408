-- case: set_not_null_already
-- shows: nothing is scanned for a column that is NOT NULL already, or part of the primary key
-- setup
CREATE TABLE points (id bigint PRIMARY KEY, x int NOT NULL);
INSERT INTO points SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE points ALTER COLUMN x SET NOT NULL;
ALTER TABLE points ALTER COLUMN id SET NOT NULL;
