-- case: drop_objects_cascade_listed
-- shows: DROP … CASCADE of views, types, functions and schemas lists what it reaches
-- expect note: irreversible
-- setup
CREATE SCHEMA old;
CREATE TABLE old.things (id bigint PRIMARY KEY);
CREATE TYPE mood AS ENUM ('sad');
CREATE TABLE people (id bigint PRIMARY KEY, feels mood, thing bigint CONSTRAINT people_thing REFERENCES old.things);
CREATE VIEW a AS SELECT id FROM people;
CREATE VIEW b AS SELECT id FROM a;
CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE VIEW c AS SELECT one() AS n;
-- migration
DROP VIEW a CASCADE;
DROP FUNCTION one() CASCADE;
DROP TYPE mood CASCADE;
DROP SCHEMA old CASCADE;
