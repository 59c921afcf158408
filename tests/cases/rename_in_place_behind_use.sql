-- case: rename_in_place_behind_use
-- shows: what is renamed in place keeps its name for the UPDATE before it; a value that changes its label is the one that the UPDATE meant
-- rollback: schema only
-- setup
CREATE TYPE st AS ENUM ('a', 'b');
CREATE TYPE kind AS ENUM ('x', 'y');
CREATE SCHEMA s1;
CREATE TABLE s1.u (id int PRIMARY KEY, n int);
CREATE TABLE t (id int PRIMARY KEY, m text, s st DEFAULT 'a', k text);
INSERT INTO t SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, 'a', 'x' FROM generate_series(1, 300) AS i;
INSERT INTO s1.u SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
UPDATE t SET s = m::st WHERE id <= 200;
-- airlock: rename in-place
ALTER TYPE st RENAME VALUE 'a' TO 'tmp';
-- airlock: rename in-place
ALTER TYPE st RENAME VALUE 'b' TO 'a';
-- airlock: rename in-place
ALTER TYPE st RENAME VALUE 'tmp' TO 'b';
ALTER TABLE t ALTER COLUMN s SET DEFAULT 'b';
UPDATE t SET k = 'y'::kind::text WHERE id <= 100;
-- airlock: rename in-place
ALTER TYPE kind RENAME TO kinds;
ALTER TABLE t ADD COLUMN kk kinds DEFAULT 'y';
UPDATE s1.u SET n = 1000 WHERE n < 50;
-- airlock: rename in-place
ALTER SCHEMA s1 RENAME TO s2;
CREATE INDEX u_n ON s2.u (n);
