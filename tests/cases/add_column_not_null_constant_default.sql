-- case: add_column_not_null_constant_default
-- shows: NOT NULL with a constant default is brief, and old writers never see the column
-- setup
CREATE TABLE jobs (id bigint PRIMARY KEY, payload text);
INSERT INTO jobs SELECT i, md5(i::text) FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE jobs ADD COLUMN state text NOT NULL DEFAULT 'new';
ALTER TABLE jobs ADD COLUMN attempts smallint DEFAULT 0 NOT NULL;
-- old application
INSERT INTO jobs (id, payload) VALUES (:fresh, :s);
UPDATE jobs SET payload = :s WHERE id = :id RETURNING payload = :s;
-- new application
INSERT INTO jobs (id, payload, state) VALUES (:fresh, :s, 'running');
UPDATE jobs SET state = 'done', attempts = 1 WHERE id = :id RETURNING state = 'done';
-- agree
SELECT bool_and(state IN ('new', 'running', 'done')) FROM jobs;
