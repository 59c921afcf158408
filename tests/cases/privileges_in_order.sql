-- case: privileges_in_order
-- shows: what is taken away and given again is there in the end; what is given to all of a schema reaches what is made late, and nothing else
-- rollback: incomplete
-- setup
CREATE SCHEMA s2;
CREATE TABLE u (k int PRIMARY KEY, v text);
INSERT INTO u SELECT i, 'v' FROM generate_series(1, 300) AS i;
CREATE TABLE moved (k int);
INSERT INTO moved VALUES (1);
CREATE VIEW keys AS SELECT k FROM u;
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
GRANT ALL ON u TO reporting, auditor;
GRANT USAGE ON SCHEMA s2 TO reporting;
GRANT EXECUTE ON FUNCTION f() TO reporting;
-- migration
REVOKE ALL ON u FROM reporting;
GRANT SELECT ON u TO reporting;
GRANT SELECT (k), UPDATE (v) ON TABLE u TO auditor;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM reporting;
GRANT EXECUTE ON FUNCTION f() TO reporting;
REVOKE ALL ON SCHEMA s2 FROM reporting;
GRANT USAGE ON SCHEMA s2 TO reporting;
DROP VIEW keys;
CREATE VIEW keys AS SELECT k, v FROM u;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor;
CREATE TABLE after_it (k int);
UPDATE u SET v = 'w' WHERE k < 10;
CREATE VIEW late AS SELECT k FROM u;
ALTER TABLE u ADD COLUMN x int;
UPDATE moved SET k = 2;
ALTER TABLE moved SET SCHEMA s2;
GRANT SELECT ON ALL TABLES IN SCHEMA s2 TO auditor;
