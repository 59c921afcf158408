-- case: add_unique
-- shows: unique constraints named and unnamed, on nullable columns, composite, with INCLUDE, deferrable
-- setup
CREATE TABLE plates (id bigint PRIMARY KEY, plate text, country text, vin text, slot int);
INSERT INTO plates SELECT i, nullif('p' || i, 'p7'), 'c' || i % 4, 'vin ' || i, i FROM generate_series(1, 700) AS i;
-- migration
ALTER TABLE plates ADD CONSTRAINT one_plate UNIQUE (plate);
ALTER TABLE plates ADD UNIQUE (country, plate);
ALTER TABLE plates ADD CONSTRAINT one_vin UNIQUE (vin) INCLUDE (country);
ALTER TABLE plates ADD CONSTRAINT one_slot UNIQUE (slot) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE plates ADD UNIQUE (slot) DEFERRABLE;
COMMENT ON CONSTRAINT one_plate ON plates IS 'a plate is on one car';
-- old application
INSERT INTO plates (id, plate, country) VALUES (:fresh, 'fresh ' || :fresh, :s);
UPDATE plates SET country = :s WHERE id = :id;
DELETE FROM plates WHERE id = 400 + :id;
-- new application
INSERT INTO plates (id, plate, country, slot) VALUES (:fresh, 'new ' || :fresh, 'xx', :fresh);
SELECT vin FROM plates WHERE plate = 'p' || :id;
