-- case: uuid_and_composite_keys
-- shows: random and composite keys, and writers that change the key while the copy runs
-- expect note: column-order
-- new application starts: at the gate
-- setup
CREATE TABLE seats (hall uuid, seat int, taken_by text, PRIMARY KEY (hall, seat));
INSERT INTO seats SELECT md5(i::text)::uuid, i, 'guest ' || i FROM generate_series(1, 900) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE seats RENAME COLUMN taken_by TO guest;
ALTER TABLE seats ADD COLUMN label text;
UPDATE seats SET label = hall::text || '/' || seat;
ALTER TABLE seats ALTER COLUMN label SET NOT NULL;
-- old application
UPDATE seats SET hall = md5(:s || random())::uuid WHERE seat = :id;
UPDATE seats SET taken_by = :s WHERE seat = :id RETURNING taken_by = :s;
INSERT INTO seats (hall, seat, taken_by) VALUES (md5(:s)::uuid, :fresh % 1000000000, :s);
-- new application
UPDATE seats SET guest = :s WHERE seat = :id RETURNING guest = :s;
SELECT label FROM seats WHERE seat = :id;
-- agree at gate
SELECT count(*) = 0 FROM seats WHERE taken_by IS DISTINCT FROM guest;
-- agree
SELECT count(*) = 0 FROM seats WHERE label IS DISTINCT FROM hall::text || '/' || seat;
