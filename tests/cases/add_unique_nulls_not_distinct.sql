-- case: add_unique_nulls_not_distinct
-- shows: a unique constraint in which NULL is one value
-- servers: 15+
-- setup
CREATE TABLE seats (id bigint PRIMARY KEY, hall int, seat int);
INSERT INTO seats SELECT i, i / 20, nullif(i % 20, 0) FROM generate_series(1, 400) AS i;
-- migration
ALTER TABLE seats ADD UNIQUE NULLS NOT DISTINCT (hall, seat);
