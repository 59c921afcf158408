-- case: type_then_use
-- shows: later statements of the same migration meet the column in its new type
-- expect note: column-order
-- setup
CREATE TABLE shelves (id serial PRIMARY KEY, room text DEFAULT 'r');
INSERT INTO shelves (room) SELECT i % 9 FROM generate_series(1, 500) AS i;
CREATE TABLE books (id bigint PRIMARY KEY, shelf int);
INSERT INTO books SELECT i, 1 + i % 500 FROM generate_series(1, 400) AS i;
-- migration
ALTER TABLE shelves ALTER COLUMN room DROP DEFAULT, ALTER COLUMN room TYPE int USING room::int, ALTER COLUMN room SET DEFAULT 4;
ALTER TABLE shelves ALTER COLUMN id TYPE bigint;
CREATE INDEX shelves_room ON shelves (room);
ALTER TABLE shelves ADD CONSTRAINT real_room CHECK (room >= 0);
ALTER TABLE books ADD CONSTRAINT on_shelf FOREIGN KEY (shelf) REFERENCES shelves;
ALTER TABLE shelves ADD COLUMN note text;
