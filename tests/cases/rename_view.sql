-- case: rename_view
-- shows: a view renamed: until contract the old name is a view of it that can be written, with the same owner and grants
-- expect note: application
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, hidden boolean NOT NULL DEFAULT false);
INSERT INTO people SELECT i, 'n' || i FROM generate_series(1, 200) AS i;
CREATE VIEW shown AS SELECT id, name FROM people WHERE NOT hidden;
CREATE VIEW counted AS SELECT count(*) AS n FROM shown;
COMMENT ON VIEW shown IS 'who is shown';
GRANT SELECT, INSERT, UPDATE ON shown TO application;
GRANT SELECT (name) ON shown TO reporting;
CREATE TABLE ledger (id bigint PRIMARY KEY, name text);
INSERT INTO ledger SELECT id, name FROM people;
GRANT ALL ON ledger TO application;
-- migration
ALTER VIEW shown RENAME TO visible_people;
-- old application
WITH w AS (UPDATE shown SET name = :s WHERE id = :id RETURNING id, name) UPDATE ledger l SET name = w.name FROM w WHERE l.id = w.id;
SELECT count(*) > 0 FROM shown WHERE id = :id;
-- new application
WITH w AS (UPDATE visible_people SET name = :s WHERE id = :id RETURNING id, name) UPDATE ledger l SET name = w.name FROM w WHERE l.id = w.id;
-- agree
SELECT NOT EXISTS (SELECT FROM people p FULL JOIN ledger l USING (id) WHERE p.name IS DISTINCT FROM l.name);
