-- case: refuse_unknown_statement
-- shows: a statement whose locks airlock does not know is refused, never guessed safe
-- expect refusal: refused does not know this statement
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text);
-- migration
ALTER TABLE customers ADD COLUMN phone text;
REINDEX SYSTEM;
