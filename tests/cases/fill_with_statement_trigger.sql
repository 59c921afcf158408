-- case: fill_with_statement_trigger
-- shows: a trigger that reads the changed rows of a whole statement sees those that the migration's UPDATE fills
-- expect note: triggers
-- rollback: schema only
-- setup
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO people SELECT g, 'n' || g FROM generate_series(1, 400) AS g;
CREATE TABLE seen (of_person int, name text);
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN INSERT INTO seen SELECT id, name FROM changed; RETURN NULL; END$$;
CREATE TRIGGER remembers AFTER UPDATE ON people REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION remember();
-- migration
ALTER TABLE people ADD COLUMN upper_name text;
UPDATE people SET upper_name = upper(name);
ALTER TABLE people ALTER COLUMN upper_name SET NOT NULL;
-- old application
UPDATE people SET name = :s WHERE id = :id;
INSERT INTO people (id, name) VALUES (:fresh, 'fresh');
-- new application
UPDATE people SET name = 'N', upper_name = 'N' WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM people WHERE upper_name IS DISTINCT FROM upper(name);
SELECT count(*) = 0 FROM people AS p WHERE id <= 400 AND NOT EXISTS (SELECT FROM seen WHERE of_person = p.id);
