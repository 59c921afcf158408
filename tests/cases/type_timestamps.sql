-- case: type_timestamps
-- shows: timestamp becomes timestamptz, with a zone of its own and with the session's; the application's time zone does not matter; of the forms of AT TIME ZONE one is volatile on 14, and it is another one
-- expect note: column-order
-- setup
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Europe/Oslo''', current_database()); END $$;
CREATE TABLE visits (id bigint PRIMARY KEY, at timestamp NOT NULL DEFAULT '2024-05-05 12:00', seen timestamp, day date);
INSERT INTO visits SELECT i, timestamp '2024-01-01' + i * interval '7 hours', timestamp '2024-06-01' - i * interval '1 hour', date '2024-01-01' + i::int FROM generate_series(1, 500) AS i;
CREATE INDEX visits_at ON visits (at DESC);
CREATE UNIQUE INDEX visits_once ON visits (seen, id);
-- migration
ALTER TABLE visits ALTER COLUMN at TYPE timestamptz USING at AT TIME ZONE 'UTC';
ALTER TABLE visits ALTER COLUMN seen TYPE timestamptz, ALTER COLUMN day TYPE timestamp;
-- old application
INSERT INTO visits (id, at, seen) VALUES (:fresh, '2024-02-02 02:02', '2024-07-07 07:07');
UPDATE visits SET at = '2023-01-01', day = '2023-03-03' WHERE id = :id;
UPDATE visits SET seen = NULL WHERE id = :id + 100;
-- new application
INSERT INTO visits (id, at) VALUES (:fresh, '2024-02-02 02:02');
UPDATE visits SET seen = '2024-08-08 08:08' WHERE id = :id;
