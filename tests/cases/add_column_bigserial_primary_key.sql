-- case: add_column_bigserial_primary_key
-- shows: a table without a key gets a bigserial primary key; a role that inserts gets USAGE on the sequence in time
-- volatile: events.id
-- expect note: application
-- setup
CREATE TABLE events (kind text, payload int);
INSERT INTO events SELECT 'k' || i % 7, i FROM generate_series(1, 900) AS i;
CREATE VIEW kinds AS SELECT kind, count(*) FROM events GROUP BY kind;
-- migration
ALTER TABLE events ADD COLUMN id bigserial PRIMARY KEY;
GRANT USAGE, SELECT ON SEQUENCE events_id_seq TO application;
-- old application
INSERT INTO events (kind, payload) VALUES ('old', :n);
UPDATE events SET payload = payload + 1 WHERE payload = :id;
DELETE FROM events WHERE payload = :n AND kind = 'old';
-- new application
INSERT INTO events (kind, payload) VALUES ('new', :n) RETURNING id IS NOT NULL;
SELECT id FROM events WHERE payload = :id;
-- agree at gate
SELECT count(*) = count(DISTINCT id) FROM events;
-- agree
SELECT count(*) = count(DISTINCT id) AND bool_and(id > 0) FROM events;
