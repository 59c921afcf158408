-- case: add_column_default_in_zone
-- shows: the time now in a zone is the same for all old rows, on 14 too, where another function of that name is volatile
-- expect note: information
-- volatile: events.written, events.noted, events.tomorrow
-- setup
CREATE TABLE events (id bigint PRIMARY KEY, what text);
INSERT INTO events SELECT i, 'event ' || i FROM generate_series(1, 600) AS i;
-- migration
ALTER TABLE events ADD COLUMN written timestamp DEFAULT (now() AT TIME ZONE 'utc');
ALTER TABLE events ADD COLUMN noted timestamp NOT NULL DEFAULT timezone('utc'::text, CURRENT_TIMESTAMP);
ALTER TABLE events ADD COLUMN tomorrow date DEFAULT ((now() + interval '1 day') AT TIME ZONE 'utc')::date;
