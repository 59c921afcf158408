-- case: rename_domain
-- shows: a domain renamed: the old name is a domain over it until contract
-- expect note: application
-- setup
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE TABLE people (id bigint PRIMARY KEY, code code NOT NULL DEFAULT 'c');
INSERT INTO people (id) SELECT i FROM generate_series(1, 200) AS i;
CREATE FUNCTION coded(c text) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM people WHERE code = c::code';
-- migration
ALTER DOMAIN code RENAME TO label;
-- old application
UPDATE people SET code = 'd'::code WHERE id = :id AND code <> 'x'::code;
SELECT count(*) >= 0 FROM people WHERE code = ANY (ARRAY['c', 'd']::code[]);
SELECT coded('c') >= 0;
-- new application
UPDATE people SET code = 'e'::label WHERE id = :id;
