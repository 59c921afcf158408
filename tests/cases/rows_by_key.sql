-- case: rows_by_key
-- shows: statements on single rows stay as they are: INSERT, UPDATE and DELETE by key, an upsert
-- rollback: schema only
-- setup
CREATE TABLE settings (name text PRIMARY KEY, value text);
INSERT INTO settings SELECT 'setting ' || i, i::text FROM generate_series(1, 300) AS i;
-- migration
INSERT INTO settings VALUES ('it''s new', 'yes'), ('another', NULL);
UPDATE settings SET value = 'changed' WHERE name = 'setting 5';
DELETE FROM settings WHERE name IN ('setting 6', 'setting 7');
INSERT INTO settings VALUES ('setting 8', 'upserted') ON CONFLICT (name) DO UPDATE SET value = excluded.value;
-- old application
SELECT value FROM settings WHERE name = 'setting ' || :id;
