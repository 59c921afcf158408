-- case: create_index_if_not_exists
-- shows: IF NOT EXISTS on an index that is there is answered from the catalog: no lock at all
-- setup
CREATE TABLE logs (id bigint PRIMARY KEY, line text);
INSERT INTO logs SELECT i, 'line ' || i FROM generate_series(1, 400) AS i;
CREATE INDEX logs_line ON logs (line);
-- migration
CREATE INDEX IF NOT EXISTS logs_line ON logs (line);
CREATE INDEX IF NOT EXISTS logs_line_upper ON logs (upper(line));
