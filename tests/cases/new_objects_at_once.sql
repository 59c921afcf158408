-- case: new_objects_at_once
-- shows: nobody uses what the migration itself makes: privileges are taken from it in the transaction that makes it, and it goes or is emptied without a gate
-- rollback: schema only
-- setup
CREATE TABLE u (k int PRIMARY KEY, v text);
INSERT INTO u SELECT i, 'v' FROM generate_series(1, 300) AS i;
-- migration
CREATE FUNCTION secret() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION secret() FROM PUBLIC;
CREATE SCHEMA own;
CREATE TABLE own.n (k int);
GRANT ALL ON own.n TO reporting;
REVOKE DELETE, TRUNCATE ON own.n FROM reporting;
CREATE TYPE mood AS ENUM ('a', 'b');
REVOKE USAGE ON TYPE mood FROM PUBLIC;
CREATE SEQUENCE numbers;
REVOKE ALL ON SEQUENCE numbers FROM reporting;
REVOKE ALL ON ALL TABLES IN SCHEMA own FROM auditor;
CREATE TABLE passing (k int);
INSERT INTO passing SELECT 7;
CREATE FUNCTION helper(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
-- airlock: allow unbatched "one row"
UPDATE u SET v = helper(3)::text WHERE k = (SELECT k FROM passing);
DROP FUNCTION helper(int);
DROP TABLE passing;
CREATE TABLE emptied (k int);
INSERT INTO emptied VALUES (1);
TRUNCATE emptied;
INSERT INTO emptied VALUES (2);
