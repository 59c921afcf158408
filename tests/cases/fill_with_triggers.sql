-- case: fill_with_triggers
-- shows: the UPDATE that fills a new column fires the application's triggers, as it would as written
-- expect note: triggers
-- rollback: schema only
-- setup
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, changed int NOT NULL DEFAULT 0);
INSERT INTO people SELECT g, 'n' || g FROM generate_series(1, 400) AS g;
CREATE TABLE history (of_person int, name text);
CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END$$;
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN INSERT INTO history VALUES (NEW.id, NEW.name); RETURN NULL; END$$;
CREATE TRIGGER counts BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION count_changes();
CREATE TRIGGER remembers AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION remember();
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
SELECT count(*) = 0 FROM people WHERE id <= 400 AND changed = 0;
SELECT (SELECT sum(changed) FROM people) = (SELECT count(*) FROM history);
