-- case: drop_table
-- shows: tables go in the contract phase, foreign keys first: with an outgoing key, two at once, one that is not there
-- setup
CREATE TABLE tags (id int PRIMARY KEY, tag text);
INSERT INTO tags SELECT i, 'tag ' || i FROM generate_series(0, 20) AS i;
CREATE TABLE tagged (id bigserial PRIMARY KEY, tag_id int REFERENCES tags, thing bigint);
INSERT INTO tagged (tag_id, thing) SELECT i % 21, i FROM generate_series(1, 300) AS i;
CREATE TABLE scratch (a int);
INSERT INTO scratch SELECT i FROM generate_series(1, 100) AS i;
CREATE TABLE scratch2 (a int);
-- migration
DROP TABLE tagged;
DROP TABLE IF EXISTS scratch, scratch2, scratch3;
-- old application
INSERT INTO tagged (tag_id, thing) VALUES (:n % 21, :n);
UPDATE tags SET tag = :s WHERE id = :n % 21;
SELECT a FROM scratch WHERE a = :n;
-- new application
UPDATE tags SET tag = :s WHERE id = :n % 21;
INSERT INTO tags (id, tag) VALUES (:fresh, :s);
