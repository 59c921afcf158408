-- case: refuse_exclude
-- shows: an exclusion constraint has no concurrent form; the reason, the cost and the nearest thing are told
-- expect refusal: refused no concurrent form
-- setup
CREATE TABLE bookings (id bigint PRIMARY KEY, during tsrange);
INSERT INTO bookings SELECT i, tsrange('2026-01-01'::timestamp + i * '1 hour'::interval, '2026-01-01'::timestamp + (i + 1) * '1 hour'::interval) FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE bookings ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&);
