-- case: create_index
-- shows: plain indexes, named and unnamed, two on one table and one with a name that the server has to number
-- setup
CREATE TABLE events (id bigint PRIMARY KEY, kind text, at int, actor int);
INSERT INTO events SELECT i, 'kind ' || i % 9, i, i % 77 FROM generate_series(1, 1000) AS i;
CREATE INDEX events_at_idx ON events (at DESC);
-- migration
CREATE INDEX events_by_kind ON events (kind);
CREATE INDEX ON events (actor, at);
CREATE INDEX ON events (at);
COMMENT ON INDEX events_by_kind IS 'for the overview';
-- old application
INSERT INTO events (id, kind, at, actor) VALUES (:fresh, :s, :n, :n);
UPDATE events SET actor = :n WHERE id = :id;
DELETE FROM events WHERE id = 300 + :id;
-- new application
SELECT count(*) FROM events WHERE kind = :s;
UPDATE events SET kind = :s WHERE id = :id RETURNING kind = :s;
