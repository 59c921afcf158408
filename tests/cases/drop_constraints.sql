-- case: drop_constraints
-- shows: constraints that go, of every kind; a foreign key locks both tables
-- setup
CREATE TABLE shelves (id int PRIMARY KEY);
INSERT INTO shelves SELECT i FROM generate_series(0, 9) AS i;
CREATE TABLE books (id bigint PRIMARY KEY, shelf int CONSTRAINT on_shelf REFERENCES shelves, isbn text CONSTRAINT one_isbn UNIQUE, pages int NOT NULL DEFAULT 1 CONSTRAINT some_pages CHECK (pages > 0));
INSERT INTO books SELECT i, i % 10, 'isbn ' || i, i FROM generate_series(1, 400) AS i;
-- migration
ALTER TABLE books DROP CONSTRAINT on_shelf;
ALTER TABLE books DROP CONSTRAINT one_isbn, DROP CONSTRAINT some_pages;
ALTER TABLE books ALTER COLUMN pages DROP NOT NULL;
ALTER TABLE books DROP CONSTRAINT IF EXISTS nowhere;
-- old application
INSERT INTO books (id, shelf, isbn, pages) VALUES (:fresh, :n % 10, 'fresh ' || :fresh, 5);
UPDATE books SET shelf = :n % 10 WHERE id = :id;
-- new application
SELECT shelf, isbn, pages FROM books WHERE id = :id;
