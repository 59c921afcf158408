-- case: add_primary_key
-- shows: a primary key on nullable columns: NOT NULL first, or USING INDEX scans under ACCESS EXCLUSIVE
-- setup
CREATE TABLE measures (station int, taken int, value int);
INSERT INTO measures SELECT i % 20, i, i FROM generate_series(1, 900) AS i;
CREATE TABLE notes (id bigint, body text);
INSERT INTO notes SELECT i, 'note ' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE measures ADD PRIMARY KEY (station, taken);
ALTER TABLE notes ADD CONSTRAINT notes_key PRIMARY KEY (id) INCLUDE (body);
-- old application
INSERT INTO measures (station, taken, value) VALUES (:n, :fresh, :n);
UPDATE measures SET value = :n WHERE taken = :id RETURNING value = :n;
DELETE FROM measures WHERE taken = 300 + :id;
-- new application
INSERT INTO measures (station, taken, value) VALUES (1, :fresh, :n);
INSERT INTO notes (id, body) VALUES (:fresh, :s);
