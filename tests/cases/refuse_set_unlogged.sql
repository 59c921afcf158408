-- case: refuse_set_unlogged
-- shows: SET UNLOGGED writes the whole table anew
-- expect refusal: refused an estimate
-- setup
CREATE TABLE cache (id bigint PRIMARY KEY, value text);
INSERT INTO cache SELECT i, 'v' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE cache SET UNLOGGED;
