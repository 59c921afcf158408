-- case: set_not_null_proof_exists
-- shows: a valid CHECK that proves the column not null lets the server skip the scan; it stays, the user made it
-- setup
CREATE TABLE points (id bigint PRIMARY KEY, x int CONSTRAINT x_given CHECK (x IS NOT NULL), y int CHECK (y IS NOT NULL AND y > 0));
INSERT INTO points SELECT i, i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE points ALTER COLUMN x SET NOT NULL;
ALTER TABLE points ALTER COLUMN y SET NOT NULL;
