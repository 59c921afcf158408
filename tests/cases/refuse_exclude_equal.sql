-- case: refuse_exclude_equal
-- shows: an exclusion constraint of nothing but equality is UNIQUE under another name
-- expect refusal: refused UNIQUE says the same
-- setup
CREATE TABLE bookings (id bigint, room int);
INSERT INTO bookings SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE bookings ADD EXCLUDE USING btree (room WITH =);
