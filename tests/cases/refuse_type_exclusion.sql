-- case: refuse_type_exclusion
-- shows: an exclusion constraint cannot be built again online
-- expect refusal: refused cannot be built again online
-- setup
CREATE TABLE bookings (id bigint PRIMARY KEY, room int, span int4range, EXCLUDE USING gist (span WITH &&));
INSERT INTO bookings SELECT i, i, int4range(i, i + 1) FROM generate_series(1, 300) AS i;
-- migration
-- airlock: reverse bookings.span = int4range(lower(span)::int, upper(span)::int)
ALTER TABLE bookings ALTER COLUMN span TYPE int8range USING int8range(lower(span), upper(span));
