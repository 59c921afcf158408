-- case: type_cycle
-- shows: two tables whose keys refer to each other, and one to itself, become bigint together
-- keys: 100
-- expect note: column-order
-- setup
CREATE TABLE teams (id int PRIMARY KEY, lead int, parent int REFERENCES teams (id));
CREATE TABLE people (id int PRIMARY KEY, team int NOT NULL REFERENCES teams (id) DEFERRABLE INITIALLY DEFERRED, name text);
INSERT INTO teams SELECT i, NULL, CASE WHEN i > 1 THEN 1 + i / 2 - (i = 2)::int END FROM generate_series(1, 300) AS i;
INSERT INTO people SELECT i, i, 'p' || i FROM generate_series(1, 300) AS i;
UPDATE teams SET lead = id;
ALTER TABLE teams ADD CONSTRAINT led FOREIGN KEY (lead) REFERENCES people (id) ON DELETE SET NULL;
CREATE INDEX ON people (team);
-- migration
ALTER TABLE teams ALTER COLUMN id TYPE bigint, ALTER COLUMN lead TYPE bigint, ALTER COLUMN parent TYPE bigint;
ALTER TABLE people ALTER COLUMN id TYPE bigint, ALTER COLUMN team TYPE bigint;
-- old application
INSERT INTO people (id, team, name) VALUES (:fresh, :id, :s);
UPDATE teams SET lead = :id WHERE id = :id;
DELETE FROM people WHERE id = :id + 100;
-- new application
INSERT INTO teams (id, lead, parent) VALUES (:fresh, NULL, :id);
-- agree
SELECT count(*) = 0 FROM teams LEFT JOIN people ON people.id = lead WHERE lead IS NOT NULL AND people.id IS NULL;
