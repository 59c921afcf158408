-- case: update_where
-- shows: UPDATEs with a WHERE, among them one that its own effect takes out of the WHERE, and one with a list of columns and a subquery
-- rollback: schema only
-- setup
CREATE TABLE limits (id bigint PRIMARY KEY, cap int);
INSERT INTO limits SELECT i, i * 10 FROM generate_series(0, 9) AS i;
CREATE TABLE meters (id bigint PRIMARY KEY, state text, level int, cap int, note text);
INSERT INTO meters SELECT i, CASE WHEN i % 3 = 0 THEN 'old' ELSE 'live' END, i % 10, NULL, 'n' FROM generate_series(1, 1500) AS i;
-- migration
UPDATE meters SET state = 'retired' WHERE state = 'old';
UPDATE ONLY meters AS m SET (cap, note) = (SELECT l.cap, 'capped' FROM limits AS l WHERE l.id = m.level) WHERE m.level < 5;
-- old application
UPDATE meters SET level = 7 WHERE id = :id AND level >= 5;
SELECT state FROM meters WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM meters WHERE state = 'old';
