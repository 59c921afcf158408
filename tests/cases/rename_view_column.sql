-- case: rename_view_column
-- shows: a column of a view renamed: a view over it shows it under both names until contract
-- expect note: application
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO people SELECT i, 'n' || i FROM generate_series(1, 200) AS i;
CREATE VIEW shown AS SELECT id, name FROM people;
GRANT SELECT, UPDATE ON shown TO application;
CREATE TABLE ledger (id bigint PRIMARY KEY, name text);
INSERT INTO ledger SELECT id, name FROM people;
-- migration
ALTER VIEW shown RENAME COLUMN name TO full_name;
-- old application
WITH w AS (UPDATE shown SET name = :s WHERE id = :id RETURNING id, name) UPDATE ledger l SET name = w.name FROM w WHERE l.id = w.id;
-- new application
WITH w AS (UPDATE shown SET full_name = :s WHERE id = :id RETURNING id, full_name) UPDATE ledger l SET name = w.full_name FROM w WHERE l.id = w.id;
-- agree
SELECT NOT EXISTS (SELECT FROM people p FULL JOIN ledger l USING (id) WHERE p.name IS DISTINCT FROM l.name);
