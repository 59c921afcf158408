-- case: create_index_unique_nulls_not_distinct
-- shows: NULLS NOT DISTINCT survives
-- servers: 15+
-- setup
CREATE TABLE seats (id bigint PRIMARY KEY, hall int, seat int);
INSERT INTO seats SELECT i, i / 20, nullif(i % 20, 0) FROM generate_series(1, 400) AS i;
-- migration
CREATE UNIQUE INDEX seats_once ON seats (hall, seat) NULLS NOT DISTINCT;
