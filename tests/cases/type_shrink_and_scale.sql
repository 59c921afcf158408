-- case: type_shrink_and_scale
-- shows: a shorter text, another scale, another collation, a shorter fixed length, all in one statement
-- expect note: column-order
-- setup
CREATE TABLE goods (id bigint PRIMARY KEY, name varchar(200) NOT NULL, price numeric(8, 2) NOT NULL DEFAULT 1.5, label text COLLATE "C", code char(12));
INSERT INTO goods SELECT i, 'name ' || i, i / 4.0, 'L' || i, 'c' || i FROM generate_series(1, 600) AS i;
CREATE UNIQUE INDEX goods_name ON goods (name, price, id);
ALTER TABLE goods ADD CONSTRAINT one_price UNIQUE (id, price);
CREATE INDEX goods_label ON goods (label);
-- migration
ALTER TABLE goods ALTER COLUMN name TYPE varchar(40), ALTER COLUMN price TYPE numeric(12, 4), ALTER COLUMN label TYPE varchar(30) COLLATE "POSIX", ALTER COLUMN code TYPE char(20);
-- old application
INSERT INTO goods (id, name, price) VALUES (:fresh, 'new', 2.25);
UPDATE goods SET price = :n, label = 'x' WHERE id = :id RETURNING price = :n;
UPDATE goods SET name = 'other', code = 'c' WHERE id = :id;
-- new application
UPDATE goods SET price = 1.2345 WHERE id = :id;
UPDATE goods SET price = 1.2349 WHERE id = :id + 200;
