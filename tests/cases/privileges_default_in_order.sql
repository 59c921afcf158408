-- case: privileges_default_in_order
-- shows: default privileges do not reach what was made before them
-- rollback: incomplete
-- setup
CREATE TABLE u (k int PRIMARY KEY, v text);
INSERT INTO u SELECT i, 'v' FROM generate_series(1, 300) AS i;
-- migration
UPDATE u SET v = 'w' WHERE k < 10;
CREATE VIEW late AS SELECT k FROM u;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO auditor;
CREATE TABLE after_it (k int);
