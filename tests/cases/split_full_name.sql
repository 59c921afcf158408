-- case: split_full_name
-- shows: the classic change of two columns into one: both applications write their own, nothing is lost
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, age int);
INSERT INTO people SELECT i, 'First' || i, 'Last' || i, i % 90 FROM generate_series(1, 900) AS i;
CREATE TABLE ledger (id bigint PRIMARY KEY, full_name text NOT NULL);
-- migration
ALTER TABLE people ADD COLUMN full_name text;
UPDATE people SET full_name = first_name || ' ' || last_name;
ALTER TABLE people ALTER COLUMN full_name SET NOT NULL;
ALTER TABLE people DROP COLUMN first_name, DROP COLUMN last_name;
-- old application
WITH w AS (UPDATE people SET first_name = :s, last_name = 'Old' WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, :s || ' Old' FROM w ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name;
INSERT INTO people (id, first_name, last_name) VALUES (:fresh, :s, 'Fresh');
UPDATE people SET age = :n WHERE id = :id;
-- new application
WITH w AS (UPDATE people SET full_name = 'New ' || :s WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, 'New ' || :s FROM w ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name;
INSERT INTO people (id, full_name) VALUES (:fresh, 'Fresh ' || :s);
SELECT full_name FROM people WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM ledger JOIN people USING (id) WHERE ledger.full_name <> people.full_name;
SELECT count(*) = 0 FROM people WHERE full_name IS NULL;
