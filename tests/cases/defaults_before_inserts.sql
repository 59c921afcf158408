-- case: defaults_before_inserts
-- shows: rows that are inserted after a default was dropped do not have it
-- rollback: schema only
-- setup
CREATE TABLE u (k int, nn int DEFAULT 4, v text DEFAULT 'v');
INSERT INTO u SELECT i FROM generate_series(1, 30) AS i;
CREATE TABLE w (k int, nn int DEFAULT 4);
INSERT INTO w SELECT i FROM generate_series(1, 30) AS i;
CREATE TABLE x (k int, nn int DEFAULT 4);
INSERT INTO x SELECT i FROM generate_series(1, 30) AS i;
-- migration
INSERT INTO u (k) VALUES (29999);
ALTER TABLE u ALTER nn DROP DEFAULT;
INSERT INTO u (k) VALUES (30000);
UPDATE u SET v = 'last' WHERE k = 30000;
ALTER TABLE w ALTER nn SET DEFAULT 8;
INSERT INTO w (k) VALUES (30000);
ALTER TABLE w ALTER nn DROP DEFAULT;
WITH rows AS (SELECT 30001 AS k) INSERT INTO w SELECT k FROM rows;
ALTER TABLE x ALTER nn DROP DEFAULT;
ALTER TABLE x ALTER nn SET DEFAULT 9;
INSERT INTO x (k) VALUES (30000);
-- old application
INSERT INTO u (k) VALUES (:fresh);
-- new application
INSERT INTO u (k, nn) VALUES (:fresh, :n);
