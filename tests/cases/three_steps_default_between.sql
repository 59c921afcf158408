-- case: three_steps_default_between
-- shows: the three steps with a default set before the UPDATE, for the writers that come
-- setup
CREATE TABLE cards (id bigint PRIMARY KEY, owner_name text);
INSERT INTO cards SELECT i, 'owner ' || i FROM generate_series(1, 800) AS i;
-- migration
ALTER TABLE cards ADD COLUMN level int;
ALTER TABLE cards ALTER COLUMN level SET DEFAULT 1;
UPDATE cards SET level = 1 WHERE level IS NULL;
ALTER TABLE cards ALTER COLUMN level SET NOT NULL;
-- old application
INSERT INTO cards (id, owner_name) VALUES (:fresh, :s);
UPDATE cards SET owner_name = :s WHERE id = :id RETURNING owner_name = :s;
-- new application
INSERT INTO cards (id, owner_name, level) VALUES (:fresh, :s, :n);
UPDATE cards SET level = :n WHERE id = :id RETURNING level = :n;
-- agree
SELECT count(*) = 0 FROM cards WHERE level IS NULL;
