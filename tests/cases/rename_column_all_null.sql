-- case: rename_column_all_null
-- shows: a column that is NULL in every row, on a table without any key
-- expect note: column-order
-- setup
CREATE TABLE blanks (label text, filler text, blank date);
INSERT INTO blanks SELECT 'same label', repeat('f', 200) FROM generate_series(1, 400);
-- migration
-- airlock: rename dual-column
ALTER TABLE blanks RENAME COLUMN blank TO day;
-- old application
INSERT INTO blanks (label, blank) VALUES (:s, current_date);
UPDATE blanks SET blank = NULL WHERE label = :s;
-- new application
INSERT INTO blanks (label, day) VALUES (:s, current_date);
SELECT day FROM blanks WHERE label = :s LIMIT 1;
-- agree at gate
SELECT count(*) = 0 FROM blanks WHERE blank IS DISTINCT FROM day;
