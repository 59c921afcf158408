-- case: add_column_inline_unique
-- shows: inline UNIQUE becomes a concurrent index that the constraint then uses
-- setup
CREATE TABLE devices (id bigint PRIMARY KEY, name text);
INSERT INTO devices SELECT i, 'device ' || i FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE devices ADD COLUMN serial_number text UNIQUE;
ALTER TABLE devices ADD COLUMN slot int CONSTRAINT one_device_per_slot UNIQUE DEFERRABLE INITIALLY DEFERRED;
-- old application
INSERT INTO devices (id, name) VALUES (:fresh, :s);
UPDATE devices SET name = :s WHERE id = :id RETURNING name = :s;
-- new application
INSERT INTO devices (id, name, serial_number, slot) VALUES (:fresh, :s, 'serial ' || :fresh, :fresh);
SELECT id FROM devices WHERE serial_number = :s;
