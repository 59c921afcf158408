-- case: update_where_generated
-- shows: an UPDATE in batches whose condition reads a generated column and NULLs, on a table with a composite key
-- rollback: schema only
-- setup
CREATE TABLE stock (shelf uuid, slot int, kg numeric, g numeric GENERATED ALWAYS AS (kg * 1000) STORED, class text, PRIMARY KEY (shelf, slot));
INSERT INTO stock (shelf, slot, kg) SELECT md5((i % 9)::text)::uuid, i, nullif(i % 13, 0) FROM generate_series(1, 20500) AS i;
-- migration
ALTER TABLE stock ADD COLUMN heavy boolean;
UPDATE stock SET heavy = g > 5000 WHERE g IS NOT NULL AND class IS NULL;
-- old application
UPDATE stock SET kg = :n WHERE slot = :id;
INSERT INTO stock (shelf, slot, kg) VALUES (md5('x')::uuid, :fresh % 1000000000 + 30000, :n);
-- new application
UPDATE stock SET heavy = kg > 5 WHERE slot = :id + 200;
