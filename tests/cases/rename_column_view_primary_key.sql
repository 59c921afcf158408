-- case: rename_column_view_primary_key
-- shows: a primary key with an incoming foreign key and an owned sequence: too much to copy, a view does it
-- setup
CREATE TABLE authors (author bigserial PRIMARY KEY, name text);
INSERT INTO authors (name) SELECT 'author ' || i FROM generate_series(1, 300) AS i;
CREATE TABLE works (id bigint PRIMARY KEY, author bigint NOT NULL REFERENCES authors ON DELETE CASCADE);
INSERT INTO works SELECT i, 1 + i % 300 FROM generate_series(1, 500) AS i;
GRANT SELECT (author) ON authors TO reporting;
-- migration
-- airlock: rename view
ALTER TABLE authors RENAME COLUMN author TO id;
-- old application
INSERT INTO authors (name) VALUES (:s);
INSERT INTO works (id, author) VALUES (:fresh, :id);
UPDATE authors SET name = :s WHERE author = :id RETURNING name = :s;
DELETE FROM authors WHERE author = 250 + :id;
SELECT name FROM authors JOIN works USING (author) WHERE author = :id LIMIT 1;
-- new application
INSERT INTO authors (name) VALUES (:s);
UPDATE authors SET name = :s WHERE id = :id RETURNING name = :s;
SELECT a.name FROM authors AS a JOIN works AS w ON w.author = a.id WHERE a.id = :id LIMIT 1;
-- agree
SELECT count(*) = 0 FROM works WHERE author NOT IN (SELECT id FROM authors);
