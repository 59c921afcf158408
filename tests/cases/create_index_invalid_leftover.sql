-- case: create_index_invalid_leftover
-- shows: an INVALID index that an earlier concurrent build left behind is dropped and built again
-- setup
CREATE TABLE logs (id bigint PRIMARY KEY, line text);
INSERT INTO logs SELECT i, 'line ' || i FROM generate_series(1, 400) AS i;
CREATE INDEX logs_line ON logs (line);
UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'logs_line'::regclass;
-- migration
CREATE INDEX IF NOT EXISTS logs_line ON logs (line);
-- as-written
DROP INDEX logs_line;
CREATE INDEX logs_line ON logs (line);
