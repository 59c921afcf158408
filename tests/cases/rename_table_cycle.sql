-- case: rename_table_cycle
-- shows: a table in a circle of foreign keys, with a trigger, a policy and an identity, is renamed to a name that needs quotes; before 15 no view can stand in for a table with row security
-- servers: 15+
-- setup
CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author uuid, best bigint, words int GENERATED ALWAYS AS (1) STORED);
CREATE TABLE authors (id uuid PRIMARY KEY, top bigint REFERENCES posts);
INSERT INTO authors SELECT md5(i::text)::uuid FROM generate_series(1, 50) AS i;
INSERT INTO posts (author) SELECT md5((1 + i % 50)::text)::uuid FROM generate_series(1, 300) AS i;
ALTER TABLE posts ADD FOREIGN KEY (author) REFERENCES authors, ADD FOREIGN KEY (best) REFERENCES posts;
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON posts USING (author IS NOT NULL);
-- migration
ALTER TABLE posts RENAME TO "Blog Posts";
-- old application
INSERT INTO posts (author) VALUES (md5('1')::uuid);
UPDATE posts SET best = :id WHERE id = :id;
-- new application
INSERT INTO "Blog Posts" (author, best) VALUES (md5('2')::uuid, :id);
