-- case: update_increment_marker
-- shows: n = n + 1 is not idempotent: split only by marking the rows that exist when it starts
-- rollback: schema only
-- setup
CREATE TABLE scores (id bigint PRIMARY KEY, n int NOT NULL);
INSERT INTO scores SELECT i, i FROM generate_series(1, 1200) AS i;
-- migration
-- airlock: marker
UPDATE scores SET n = n + 1;
