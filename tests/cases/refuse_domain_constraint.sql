-- case: refuse_domain_constraint
-- shows: a new constraint of a domain reads every table that uses it under SHARE
-- expect refusal: refused NOT VALID at its end
-- setup
CREATE DOMAIN code AS text;
CREATE TABLE parts (id bigint PRIMARY KEY, code code);
INSERT INTO parts SELECT i, 'c' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER DOMAIN code ADD CONSTRAINT not_empty CHECK (VALUE <> '');
