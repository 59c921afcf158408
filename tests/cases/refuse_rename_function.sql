-- case: refuse_rename_function
-- shows: the rename of what cannot have two names needs a word from the user
-- expect refusal: refused function price
-- setup
CREATE SCHEMA shop;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE SEQUENCE numbers;
CREATE FUNCTION price(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
-- migration
ALTER FUNCTION price(int) RENAME TO cost;
