-- case: refuse_rename_column_constrained_domain
-- shows: a second column of a constrained domain cannot be added without writing the whole table under its lock
-- expect refusal: refused domain with constraints
-- setup
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE profiles (id bigint PRIMARY KEY, share percent);
INSERT INTO profiles SELECT i, i % 100 FROM generate_series(1, 300) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE profiles RENAME share TO part;
