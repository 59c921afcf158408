-- case: type_of_small_and_new_tables
-- shows: an empty table and one of the same migration need no recipe
-- rollback: incomplete
-- setup
CREATE TABLE later (id serial PRIMARY KEY, note text);
-- migration
CREATE TABLE fresh (id int PRIMARY KEY, note varchar(10));
ALTER TABLE fresh ALTER COLUMN id TYPE bigint;
ALTER TABLE later ALTER COLUMN id TYPE bigint;
