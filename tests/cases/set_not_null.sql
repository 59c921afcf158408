-- case: set_not_null
-- shows: SET NOT NULL on columns that hold no NULL, two in one ALTER
-- setup
CREATE TABLE points (id bigint PRIMARY KEY, x int, y int, label text);
INSERT INTO points SELECT i, i % 17, i % 23, 'p' FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE points ALTER COLUMN x SET NOT NULL, ALTER COLUMN y SET NOT NULL;
-- old application
INSERT INTO points (id, x, y) VALUES (:fresh, :n, :n);
UPDATE points SET x = :n WHERE id = :id RETURNING x = :n;
-- new application
UPDATE points SET y = :n WHERE id = :id RETURNING y = :n;
