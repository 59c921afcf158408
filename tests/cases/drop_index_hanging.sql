-- case: drop_index_hanging
-- shows: what hangs on an index (comment, statistics target, CLUSTER mark) comes back with it when its drop is rolled back
-- setup
CREATE TABLE letters (id bigint PRIMARY KEY, body text, lang text);
INSERT INTO letters SELECT i, 'letter ' || i, CASE WHEN i % 3 = 0 THEN 'no' ELSE 'en' END FROM generate_series(1, 500) AS i;
CREATE INDEX letters_body ON letters (lower(body), lang) WHERE lang = 'no';
COMMENT ON INDEX letters_body IS 'for the "search" page';
ALTER INDEX letters_body ALTER COLUMN 1 SET STATISTICS 500;
CREATE INDEX "letters ; lang" ON letters (lang);
ALTER TABLE letters CLUSTER ON "letters ; lang";
-- migration
DROP INDEX letters_body, "letters ; lang";
-- old application
SELECT count(*) > 0 FROM letters WHERE lang = 'no' AND id > 0;
UPDATE letters SET body = :s WHERE id = :id;
