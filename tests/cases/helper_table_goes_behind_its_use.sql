-- case: helper_table_goes_behind_its_use
-- shows: TRUNCATE, DROP COLUMN and RENAME of tables that the migration has made come after the UPDATE that reads them
-- rollback: schema only
-- setup
CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text);
CREATE TABLE src (id int PRIMARY KEY, v text);
INSERT INTO t SELECT i, 'a', 'b', 'c' FROM generate_series(1, 300) AS i;
INSERT INTO src SELECT i, md5(i::text) FROM generate_series(1, 20000) AS i;
-- migration
CREATE TABLE emptied AS SELECT id, v FROM src WHERE id < 60;
CREATE TABLE narrowed AS SELECT id, v FROM src WHERE id < 70;
CREATE TABLE renamed AS SELECT id, v FROM src WHERE id < 80;
UPDATE t SET a = emptied.v FROM emptied WHERE emptied.id = t.id;
TRUNCATE emptied;
UPDATE t SET b = narrowed.v FROM narrowed WHERE narrowed.id = t.id;
ALTER TABLE narrowed DROP COLUMN v;
ALTER TABLE narrowed ADD COLUMN v int DEFAULT 7;
UPDATE t SET c = renamed.v FROM renamed WHERE renamed.id = t.id;
ALTER TABLE renamed RENAME TO map;
ALTER TABLE map RENAME COLUMN v TO w;
COMMENT ON COLUMN map.w IS 'was v';
-- old application
UPDATE src SET v = :s WHERE id = :id;
