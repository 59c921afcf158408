-- case: three_steps_two_updates
-- shows: two UPDATEs that fill one new column between them, for two kinds of rows
-- setup
CREATE TABLE articles (id bigint PRIMARY KEY, published boolean NOT NULL, views int NOT NULL DEFAULT 0);
INSERT INTO articles SELECT i, i % 4 <> 0, i FROM generate_series(1, 800) AS i;
-- migration
ALTER TABLE articles ADD COLUMN state text;
UPDATE articles SET state = 'public' WHERE published;
UPDATE articles SET state = 'draft' WHERE NOT published;
ALTER TABLE articles ALTER COLUMN state SET NOT NULL;
-- old application
INSERT INTO articles (id, published) VALUES (:fresh, true);
INSERT INTO articles (id, published) VALUES (:fresh, false);
UPDATE articles SET published = NOT published WHERE id = :id;
UPDATE articles SET views = views + 1 WHERE id = :id;
-- new application
INSERT INTO articles (id, published, state) VALUES (:fresh, false, 'archived');
SELECT state FROM articles WHERE id = :id;
-- agree
SELECT bool_and(state IN ('public', 'draft', 'archived')) FROM articles;
SELECT count(*) = 0 FROM articles WHERE id <= 800 AND state IS DISTINCT FROM CASE WHEN published THEN 'public' ELSE 'draft' END;
