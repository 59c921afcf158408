-- case: type_views_as_written
-- shows: a view that the migration drops and creates again is exchanged in the switch, with what the migration says of it
-- expect note: column-order
-- setup
CREATE TABLE events (id bigint PRIMARY KEY, kind int NOT NULL DEFAULT 1, note text);
INSERT INTO events SELECT i, i % 7, 'n' FROM generate_series(1, 500) AS i;
CREATE VIEW kinds AS SELECT kind, count(*) AS times FROM events GROUP BY kind;
COMMENT ON VIEW kinds IS 'before';
GRANT SELECT ON kinds TO application;
-- migration
DROP VIEW kinds;
ALTER TABLE events ALTER COLUMN kind TYPE bigint;
CREATE VIEW kinds AS SELECT kind, count(*) AS times, max(id) AS latest FROM events GROUP BY kind;
GRANT SELECT ON kinds TO application;
COMMENT ON VIEW kinds IS 'after';
-- old application
SELECT count(*) >= 0 FROM kinds WHERE kind = 3;
UPDATE events SET kind = :n WHERE id = :id RETURNING kind = :n;
-- new application
INSERT INTO events (id, kind) VALUES (:fresh, :n);
