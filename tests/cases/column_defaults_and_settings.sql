-- case: column_defaults_and_settings
-- shows: brief column changes run as they are: defaults, storage, statistics, options
-- setup
CREATE TABLE pages (id bigint PRIMARY KEY, body text DEFAULT 'x', hits int NOT NULL, kind text);
INSERT INTO pages SELECT i, repeat('b', i), i, 'k' FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE pages ALTER COLUMN body DROP DEFAULT, ALTER COLUMN hits SET DEFAULT 0;
ALTER TABLE pages ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE pages ALTER COLUMN kind SET STATISTICS 500;
ALTER TABLE pages ALTER COLUMN kind SET (n_distinct = 12);
ALTER TABLE pages ALTER COLUMN hits DROP NOT NULL;
-- old application
INSERT INTO pages (id, body, hits) VALUES (:fresh, :s, :n);
-- new application
INSERT INTO pages (id, body, hits) VALUES (:fresh, :s, :n);
SELECT hits FROM pages WHERE id = :id;
