-- case: rename_column_in_place
-- shows: the plain rename, for a team that stops its application for it
-- setup
CREATE TABLE rates (id bigint PRIMARY KEY, rate numeric);
INSERT INTO rates SELECT i, i / 3.0 FROM generate_series(1, 300) AS i;
CREATE INDEX rates_rate ON rates (rate);
CREATE VIEW high_rates AS SELECT id, rate FROM rates WHERE rate > 50;
-- migration
-- airlock: rename in-place
ALTER TABLE rates RENAME COLUMN rate TO value;
