-- case: update_increment_unbatched
-- shows: n = n + 1 in one statement, because the user says so
-- rollback: schema only
-- setup
CREATE TABLE scores (id bigint PRIMARY KEY, n int NOT NULL);
INSERT INTO scores SELECT i, i FROM generate_series(1, 400) AS i;
-- migration
-- airlock: allow unbatched "four hundred rows, and nobody writes them"
UPDATE scores SET n = n + 1;
