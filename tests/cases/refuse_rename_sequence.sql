-- case: refuse_rename_sequence
-- shows: the rename of what cannot have two names needs a word from the user
-- expect refusal: refused sequence public.numbers
-- setup
CREATE SCHEMA shop;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE SEQUENCE numbers;
CREATE FUNCTION price(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
-- migration
ALTER SEQUENCE numbers RENAME TO n2;
