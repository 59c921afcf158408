-- case: delete_large
-- shows: DELETEs in batches: with WHERE, with USING, of every row
-- rollback: schema only
-- setup
CREATE TABLE sessions (id bigint PRIMARY KEY, who int, seen int);
INSERT INTO sessions SELECT i, i % 40, i FROM generate_series(1, 1500) AS i;
CREATE TABLE banned (who int PRIMARY KEY);
INSERT INTO banned VALUES (3), (7), (11);
CREATE TABLE garbage (a int, b text);
INSERT INTO garbage SELECT i, repeat('g', 50) FROM generate_series(1, 700) AS i;
-- migration
DELETE FROM sessions WHERE seen < 400;
DELETE FROM sessions AS s USING banned AS b WHERE b.who = s.who;
DELETE FROM garbage;
-- old application
INSERT INTO sessions (id, who, seen) VALUES (:fresh, 1, 5000);
UPDATE sessions SET seen = seen + 1 WHERE id = :id;
SELECT who FROM sessions WHERE id = 400 + :id;
-- agree
SELECT count(*) = 0 FROM sessions WHERE who IN (3, 7, 11);
