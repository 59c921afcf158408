-- case: add_column_stable_default
-- shows: a stable default is computed once, so that every old row gets the same value, without a rewrite
-- volatile: visits.seen_at, visits.day
-- setup
CREATE TABLE visits (id bigint PRIMARY KEY, who text);
INSERT INTO visits SELECT i, 'visitor ' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE visits ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE visits ADD COLUMN day date DEFAULT current_date;
-- old application
INSERT INTO visits (id, who) VALUES (:fresh, :s);
-- new application
INSERT INTO visits (id, who, seen_at) VALUES (:fresh, :s, now());
SELECT seen_at, day FROM visits WHERE id = :id;
