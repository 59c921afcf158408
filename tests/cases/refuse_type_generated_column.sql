-- case: refuse_type_generated_column
-- shows: a generated column computed from the column cannot follow
-- expect refusal: input used by a generated column
-- setup
CREATE TABLE boxes (id bigint PRIMARY KEY, side int, area int GENERATED ALWAYS AS (side * side) STORED);
INSERT INTO boxes (id, side) SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE boxes ALTER COLUMN side TYPE bigint;
