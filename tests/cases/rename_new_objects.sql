-- case: rename_new_objects
-- shows: what the migration made itself needs no second name
-- setup
CREATE TABLE people (id bigint PRIMARY KEY);
-- migration
CREATE TYPE mood AS ENUM ('sad', 'happy');
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
ALTER TYPE mood RENAME TO feeling;
CREATE SEQUENCE numbers;
ALTER SEQUENCE numbers RENAME TO people_numbers;
CREATE FUNCTION price(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
ALTER FUNCTION price(int) RENAME TO cost;
CREATE SCHEMA shop;
ALTER SCHEMA shop RENAME TO store;
CREATE VIEW v AS SELECT id FROM people;
ALTER VIEW v RENAME TO w;
