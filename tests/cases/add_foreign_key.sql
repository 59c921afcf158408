-- case: add_foreign_key
-- shows: a foreign key is added NOT VALID, then validated; actions, deferrability and names are kept
-- setup
CREATE TABLE warehouses (id int PRIMARY KEY, code text UNIQUE);
INSERT INTO warehouses SELECT i, 'w' || i FROM generate_series(0, 30) AS i;
CREATE TABLE stock (id bigint PRIMARY KEY, warehouse_id int, code text, previous bigint);
INSERT INTO stock SELECT i, i % 31, 'w' || i % 31, nullif(i / 2, 0) FROM generate_series(1, 800) AS i;
CREATE INDEX stock_warehouse ON stock (warehouse_id);
CREATE INDEX stock_previous ON stock (previous);
-- migration
ALTER TABLE stock ADD CONSTRAINT stored_somewhere FOREIGN KEY (warehouse_id) REFERENCES warehouses ON DELETE CASCADE;
ALTER TABLE stock ADD FOREIGN KEY (code) REFERENCES warehouses (code) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE stock ADD FOREIGN KEY (previous) REFERENCES stock (id) ON DELETE SET NULL;
-- old application
INSERT INTO stock (id, warehouse_id) VALUES (:fresh, :n % 31);
UPDATE stock SET warehouse_id = :n % 31 WHERE id = :id;
UPDATE warehouses SET code = 'w' || id WHERE id = :id % 31;
-- new application
SELECT warehouse_id FROM stock WHERE id = :id;
INSERT INTO stock (id, warehouse_id, previous) VALUES (:fresh, :n % 31, :id);
-- agree
SELECT bool_and(warehouse_id BETWEEN 0 AND 30) FROM stock;
