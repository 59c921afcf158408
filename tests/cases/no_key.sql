-- case: no_key
-- shows: a table without any key, with rows that are equal in every column: the walk by block range needs none
-- setup
CREATE TABLE hits (page text, at int);
INSERT INTO hits SELECT 'page ' || i % 3, 1 FROM generate_series(1, 1500) AS i;
-- migration
ALTER TABLE hits ADD COLUMN site text;
UPDATE hits SET site = 'site of ' || page;
ALTER TABLE hits ALTER COLUMN site SET NOT NULL;
CREATE INDEX ON hits (site);
-- old application
INSERT INTO hits (page, at) VALUES (:s, 2);
UPDATE hits SET at = at + 1 WHERE ctid = (SELECT ctid FROM hits WHERE page = :s LIMIT 1 FOR UPDATE SKIP LOCKED);
DELETE FROM hits WHERE ctid = (SELECT ctid FROM hits WHERE page = :s AND at > 2 LIMIT 1 FOR UPDATE SKIP LOCKED);
-- new application
INSERT INTO hits (page, at, site) VALUES (:s, 2, 'site of ' || :s);
SELECT site FROM hits WHERE page = :s LIMIT 1;
-- agree
SELECT count(*) = 0 FROM hits WHERE site IS DISTINCT FROM 'site of ' || page;
