-- case: type_beside_generated
-- shows: a table with generated and identity columns, of which none reads the column that changes; a domain without constraints
-- expect note: column-order
-- setup
CREATE DOMAIN cents AS int;
CREATE DOMAIN euros AS numeric(12, 2);
CREATE TABLE boxes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, side int NOT NULL, area int GENERATED ALWAYS AS (side * side) STORED, price cents, label text GENERATED ALWAYS AS ('box ' || side::text) STORED);
INSERT INTO boxes (side, price) SELECT i, nullif(i, 5) FROM generate_series(1, 500) AS i;
CREATE INDEX ON boxes (area, price);
-- migration
-- airlock: reverse boxes.price = price * 100
ALTER TABLE boxes ALTER COLUMN price TYPE euros USING price / 100.0;
-- as-written
ALTER TABLE boxes ALTER COLUMN price TYPE euros USING price / 100.0;
-- old application
INSERT INTO boxes (side, price) VALUES (:n, 250);
UPDATE boxes SET side = :n WHERE id = :id;
-- new application
UPDATE boxes SET side = side + 1 WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM boxes WHERE area <> side * side;
