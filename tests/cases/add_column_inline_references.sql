-- case: add_column_inline_references
-- shows: inline REFERENCES is split off, with a default and without, so that neither table waits for a scan
-- setup
CREATE TABLE regions (id int PRIMARY KEY, name text);
INSERT INTO regions SELECT i, 'region ' || i FROM generate_series(0, 20) AS i;
CREATE TABLE shops (id bigint PRIMARY KEY, name text);
INSERT INTO shops SELECT i, 'shop ' || i FROM generate_series(1, 600) AS i;
-- migration
ALTER TABLE shops ADD COLUMN region_id int REFERENCES regions;
ALTER TABLE shops ADD COLUMN billing_region int NOT NULL DEFAULT 0 CONSTRAINT billed_somewhere REFERENCES regions (id) ON DELETE RESTRICT ON UPDATE CASCADE;
-- old application
INSERT INTO shops (id, name) VALUES (:fresh, :s);
UPDATE regions SET name = :s WHERE id = :id % 21;
DELETE FROM shops WHERE id = :id;
-- new application
INSERT INTO shops (id, name, region_id, billing_region) VALUES (:fresh, :s, :id % 21, :n % 21);
UPDATE shops SET region_id = :n % 21 WHERE id = :id;
-- agree
SELECT bool_and(region_id IS NULL OR region_id BETWEEN 0 AND 20) FROM shops;
