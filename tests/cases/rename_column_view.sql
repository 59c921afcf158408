-- case: rename_column_view
-- shows: strategy view: no copy; the column is reachable under both names through an updatable view, whatever hangs on it
-- setup
CREATE TABLE cities (id bigint PRIMARY KEY, title text NOT NULL UNIQUE, people int DEFAULT 5);
INSERT INTO cities SELECT i, 'city ' || i, i FROM generate_series(1, 400) AS i;
CREATE TABLE streets (id bigint PRIMARY KEY, city_title text REFERENCES cities (title));
INSERT INTO streets SELECT i, 'city ' || i FROM generate_series(1, 200) AS i;
CREATE VIEW big_cities AS SELECT id, title FROM cities WHERE people > 100;
CREATE INDEX cities_title_lower ON cities (lower(title));
COMMENT ON TABLE cities IS 'where people live';
-- migration
-- airlock: rename view
ALTER TABLE cities RENAME COLUMN title TO name;
-- old application
INSERT INTO cities (id, title) VALUES (:fresh, 'old ' || :fresh);
UPDATE cities SET people = :n WHERE id = :id RETURNING people = :n;
UPDATE cities SET title = title WHERE id = 200 + :id;
SELECT title FROM cities WHERE id = :id FOR UPDATE;
INSERT INTO cities (id, title) VALUES (:id, 'again') ON CONFLICT (id) DO UPDATE SET people = 1;
DELETE FROM cities WHERE id = 300 + :id AND id % 7 = 0;
SELECT title FROM big_cities WHERE id = :id;
-- new application
INSERT INTO cities (id, name) VALUES (:fresh, 'new ' || :fresh);
INSERT INTO cities (id, name) VALUES (:id, 'again') ON CONFLICT (id) DO UPDATE SET people = excluded.people;
UPDATE cities SET name = 'renamed ' || id WHERE id = 250 + :id RETURNING name = 'renamed ' || id;
SELECT name FROM cities WHERE id = :id FOR UPDATE;
INSERT INTO streets (id, city_title) SELECT :fresh, name FROM cities WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM streets WHERE city_title NOT IN (SELECT name FROM cities);
