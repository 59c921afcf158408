-- case: three_steps_constant
-- shows: the three steps with a constant and no default: old writers need the trigger until contract
-- setup
CREATE TABLE rooms (id bigint PRIMARY KEY, name text);
INSERT INTO rooms SELECT i, repeat('room ', 10) FROM generate_series(1, 800) AS i;
-- migration
ALTER TABLE rooms ADD COLUMN seats int;
UPDATE rooms SET seats = 4;
ALTER TABLE rooms ALTER COLUMN seats SET NOT NULL;
COMMENT ON COLUMN rooms.seats IS 'how many may sit';
-- old application
INSERT INTO rooms (id, name) VALUES (:fresh, :s);
UPDATE rooms SET name = :s WHERE id = :id RETURNING name = :s;
-- new application
INSERT INTO rooms (id, name, seats) VALUES (:fresh, :s, :n);
UPDATE rooms SET seats = :n WHERE id = :id RETURNING seats = :n;
-- agree
SELECT count(*) = 0 FROM rooms WHERE seats IS NULL;
