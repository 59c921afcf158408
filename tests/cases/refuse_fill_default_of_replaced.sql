-- case: refuse_fill_default_of_replaced
-- shows: with the default from the beginning nobody can tell a row that is still to be filled from one in which the new application has written it
-- expect refusal: refused Add the column without the default, and set it after the UPDATE
-- setup
CREATE TABLE people (id bigint PRIMARY KEY, full_name text);
INSERT INTO people SELECT i, 'First' || i || ' Last' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE people ADD COLUMN first_name text NOT NULL DEFAULT '';
UPDATE people SET first_name = split_part(full_name, ' ', 1);
ALTER TABLE people DROP COLUMN full_name;
