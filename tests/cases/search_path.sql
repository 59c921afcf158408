-- case: search_path
-- shows: unqualified names under a search_path that the migration sets; tables of one name in two schemas; a function and a type found through the path
-- setup
CREATE SCHEMA tenant;
CREATE SCHEMA shared;
CREATE TABLE public.things (id bigint PRIMARY KEY, name text);
INSERT INTO public.things VALUES (1, 'not this one');
CREATE TABLE tenant.things (id bigint PRIMARY KEY, name text);
INSERT INTO tenant.things SELECT i, 'Thing ' || i FROM generate_series(1, 500) AS i;
CREATE TYPE shared.size AS ENUM ('small', 'large');
CREATE FUNCTION shared.size_of(name text) RETURNS shared.size LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN length(name) > 8 THEN 'large'::shared.size ELSE 'small'::shared.size END $$;
-- migration
SET search_path = tenant, shared;
ALTER TABLE things ADD COLUMN size size;
UPDATE things SET size = size_of(name);
ALTER TABLE things ALTER COLUMN size SET NOT NULL;
CREATE INDEX ON things (lower(name));
CREATE TABLE extras (id bigint PRIMARY KEY, thing_id bigint REFERENCES things, size size DEFAULT 'small');
-- old application
INSERT INTO tenant.things (id, name) VALUES (:fresh, 'Fresh thing');
UPDATE tenant.things SET name = 'Another one' WHERE id = :id;
-- new application
INSERT INTO tenant.things (id, name, size) VALUES (:fresh, 'Fresh thing', 'large');
SELECT size FROM tenant.things WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM tenant.things WHERE size IS DISTINCT FROM shared.size_of(name);
