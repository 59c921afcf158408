-- case: split_address
-- shows: one column becomes two, and the source, NOT NULL without a default, is relaxed for the new application
-- setup
CREATE TABLE sites (id bigint PRIMARY KEY, address text NOT NULL);
INSERT INTO sites SELECT i, 'Street ' || i || ', City ' || i % 30 FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE sites ADD COLUMN street text, ADD COLUMN city text;
UPDATE sites SET street = split_part(address, ', ', 1), city = split_part(address, ', ', 2);
ALTER TABLE sites DROP COLUMN address;
-- old application
UPDATE sites SET address = 'Old ' || :n || ', Oldtown' WHERE id = :id;
INSERT INTO sites (id, address) VALUES (:fresh, 'Quay ' || :n || ', Harbour');
SELECT address FROM sites WHERE id = :id;
-- new application
UPDATE sites SET street = 'New ' || :n, city = 'Newtown' WHERE id = :id RETURNING city = 'Newtown';
INSERT INTO sites (id, street, city) VALUES (:fresh, 'Lane ' || :n, 'Hill');
SELECT street, city FROM sites WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM sites WHERE street IS NULL OR city IS NULL;
SELECT count(*) = 0 FROM sites WHERE (city = 'Oldtown') <> (street LIKE 'Old %') OR (city = 'Newtown') <> (street LIKE 'New %');
