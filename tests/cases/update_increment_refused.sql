-- case: update_increment_refused
-- shows: n = n + 1 over a large table is neither split nor run whole without being asked
-- expect refusal: refused marker
-- setup
CREATE TABLE scores (id bigint PRIMARY KEY, n int NOT NULL);
INSERT INTO scores SELECT i, i FROM generate_series(1, 400) AS i;
-- migration
UPDATE scores SET n = n + 1;
