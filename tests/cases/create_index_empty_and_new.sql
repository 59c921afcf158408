-- case: create_index_empty_and_new
-- shows: indexes on an empty table, and on a table that the same migration creates
-- new application starts: at the gate
-- volatile: fresh.id
-- setup
CREATE TABLE nothing_yet (id bigint PRIMARY KEY, a int, b text);
-- migration
CREATE INDEX nothing_yet_a ON nothing_yet (a);
CREATE UNIQUE INDEX nothing_yet_b ON nothing_yet (b);
CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, nothing_id bigint REFERENCES nothing_yet, c text);
CREATE INDEX fresh_c ON fresh (c);
CREATE INDEX ON fresh (nothing_id);
INSERT INTO fresh (c) SELECT 'c ' || i FROM generate_series(1, 20) AS i;
GRANT SELECT, INSERT ON fresh TO application;
-- old application
SELECT a, b FROM nothing_yet WHERE id = :id;
-- new application
INSERT INTO fresh (c) VALUES (:s);
SELECT c FROM fresh WHERE id = :id;
