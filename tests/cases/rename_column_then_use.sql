-- case: rename_column_then_use
-- shows: later statements of the same migration use the new name
-- expect note: column-order
-- setup
CREATE TABLE parts (id bigint PRIMARY KEY, no text, qty int);
INSERT INTO parts SELECT i, 'part ' || i, nullif(i % 5, 0) FROM generate_series(1, 600) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE parts RENAME COLUMN no TO number;
ALTER TABLE parts ADD CONSTRAINT one_number UNIQUE (number);
COMMENT ON COLUMN parts.number IS 'as printed on the box';
CREATE INDEX parts_number_lower ON parts (lower(number));
-- old application
INSERT INTO parts (id, no) VALUES (:fresh, 'old ' || :fresh);
UPDATE parts SET no = 'was ' || id WHERE id = :id;
-- new application
INSERT INTO parts (id, number) VALUES (:fresh, 'new ' || :fresh);
UPDATE parts SET number = 'is ' || id WHERE id = :id;
-- agree at gate
SELECT count(*) = 0 FROM parts WHERE no IS DISTINCT FROM number;
