-- case: rename_in_place_others
-- shows: what cannot have two names is renamed in place when the user says so, and can be taken back
-- expect note: application
-- setup
CREATE SCHEMA shop;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE place AS (street text, number int);
CREATE SEQUENCE numbers;
CREATE TABLE people (id bigint PRIMARY KEY DEFAULT nextval('numbers'), feels mood, lives place, code text CONSTRAINT people_code UNIQUE);
INSERT INTO people (feels, code) SELECT 'sad', 'c' || i FROM generate_series(1, 50) AS i;
CREATE INDEX people_feels ON people (feels);
CREATE FUNCTION price(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT a * b';
CREATE FUNCTION price(a text) RETURNS text LANGUAGE sql AS 'SELECT a';
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM people WHERE false';
CREATE DOMAIN positive AS int CONSTRAINT more CHECK (VALUE > 0);
CREATE STATISTICS people_stats ON feels, code FROM people;
-- migration
-- airlock: rename in-place
ALTER SCHEMA shop RENAME TO store;
-- airlock: rename in-place
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
-- airlock: rename in-place
ALTER TYPE mood RENAME TO feeling;
-- airlock: rename in-place
ALTER TYPE place RENAME ATTRIBUTE street TO road;
-- airlock: rename in-place
ALTER SEQUENCE numbers RENAME TO people_numbers;
-- airlock: rename in-place
ALTER FUNCTION price(int, int) RENAME TO product;
-- airlock: rename in-place
ALTER PROCEDURE tidy() RENAME TO clean;
ALTER TABLE people RENAME CONSTRAINT people_code TO people_code_key;
ALTER INDEX people_feels RENAME TO people_feels_idx;
ALTER DOMAIN positive RENAME CONSTRAINT more TO above_zero;
ALTER STATISTICS people_stats RENAME TO people_statistics;
