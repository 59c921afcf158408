-- case: fill_then_default
-- shows: the default comes after the UPDATE: what the old application writes without the new column is computed, what the new one writes stays, be it the default
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, full_name text, note text);
INSERT INTO people SELECT i, 'First' || i || ' Last' || i, '' FROM generate_series(1, 600) AS i;
CREATE TABLE written (id bigint PRIMARY KEY, first_name text NOT NULL);
-- migration
ALTER TABLE people ADD COLUMN first_name text;
UPDATE people SET first_name = split_part(full_name, ' ', 1);
ALTER TABLE people ALTER COLUMN first_name SET NOT NULL;
ALTER TABLE people ALTER COLUMN first_name SET DEFAULT '';
ALTER TABLE people DROP COLUMN full_name;
-- old application
WITH new AS (INSERT INTO people (id, full_name) VALUES (:fresh, 'Old One') RETURNING id) INSERT INTO written SELECT id, 'Old' FROM new;
UPDATE people SET note = :s WHERE id = :id;
-- new application
WITH new AS (INSERT INTO people (id, first_name) VALUES (:fresh, '') RETURNING id) INSERT INTO written SELECT id, '' FROM new;
WITH new AS (INSERT INTO people (id, first_name) VALUES (:fresh, 'New') RETURNING id) INSERT INTO written SELECT id, 'New' FROM new;
UPDATE people SET note = :s WHERE id IN (SELECT id FROM written WHERE id % 7 = 1);
-- agree
SELECT count(*) = 0 FROM people JOIN written USING (id) WHERE people.first_name <> written.first_name;
SELECT count(*) = 0 FROM people WHERE first_name IS NULL;
