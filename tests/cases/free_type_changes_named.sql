-- case: free_type_changes_named
-- shows: a change that costs nothing, of columns that views, a policy, a trigger and a publication name, is made in one transaction
-- servers: 15+
-- rollback: incomplete
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, name varchar(20), mail varchar(50) NOT NULL, phone varchar(9));
INSERT INTO people SELECT i, 'n' || i, 'm' || i, i FROM generate_series(1, 400) AS i;
CREATE VIEW names AS SELECT id, name FROM people;
CREATE VIEW upper_names WITH (security_barrier) AS SELECT id, upper(name) AS name FROM names;
COMMENT ON VIEW names IS 'who';
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER kept BEFORE UPDATE OF name ON people FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION keep();
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY mailed ON people USING (mail <> '');
CREATE PUBLICATION phones FOR TABLE people (id, phone);
-- migration
ALTER TABLE people ALTER COLUMN name TYPE text, ALTER COLUMN phone TYPE varchar(20);
ALTER TABLE people ALTER COLUMN mail TYPE varchar(80);
-- as-written
DROP VIEW upper_names, names;
DROP TRIGGER kept ON people;
DROP POLICY mailed ON people;
DROP PUBLICATION phones;
ALTER TABLE people ALTER COLUMN name TYPE text, ALTER COLUMN phone TYPE varchar(20);
ALTER TABLE people ALTER COLUMN mail TYPE varchar(80);
CREATE VIEW names AS SELECT id, name FROM people;
CREATE VIEW upper_names WITH (security_barrier) AS SELECT id, upper(name) AS name FROM names;
COMMENT ON VIEW names IS 'who';
GRANT SELECT, INSERT, UPDATE, DELETE ON names, upper_names TO application;
CREATE TRIGGER kept BEFORE UPDATE OF name ON people FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION keep();
CREATE POLICY mailed ON people USING (mail <> '');
CREATE PUBLICATION phones FOR TABLE people (id, phone);
-- old application
UPDATE people SET name = 'o' || :n WHERE id = :id;
SELECT count(*) >= 0 FROM upper_names WHERE id = :id;
-- new application
UPDATE people SET phone = '12345' WHERE id = :id;
SELECT count(*) >= 0 FROM names WHERE id = :id;
