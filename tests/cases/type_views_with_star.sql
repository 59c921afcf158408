-- case: type_views_with_star
-- shows: a view of all columns that is exchanged in the switch does not get the second column
-- expect note: column-order
-- setup
CREATE TABLE events (id bigint PRIMARY KEY, kind int NOT NULL DEFAULT 1, note text);
INSERT INTO events SELECT i, i % 7, 'n' FROM generate_series(1, 500) AS i;
CREATE VIEW kinds AS SELECT * FROM events WHERE kind > 2;
-- migration
DROP VIEW kinds;
ALTER TABLE events ALTER COLUMN kind TYPE bigint;
CREATE VIEW kinds AS SELECT * FROM events WHERE kind > 2;
