-- case: refuse_rename_enum_value
-- shows: the rename of what cannot have two names needs a word from the user
-- expect refusal: refused value sad
-- setup
CREATE SCHEMA shop;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE SEQUENCE numbers;
CREATE FUNCTION price(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
-- migration
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
