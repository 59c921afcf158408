-- case: rename_column_volatile_default
-- shows: a volatile default is drawn once a row, whatever name the writer uses, and moves at contract
-- expect note: column-order
-- new application starts: at the gate
-- setup
CREATE SEQUENCE numbers;
CREATE TABLE vouchers (id bigint PRIMARY KEY, number bigint NOT NULL DEFAULT nextval('numbers'), token uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE, note text);
INSERT INTO vouchers (id, note) SELECT i, 'note ' || i FROM generate_series(1, 500) AS i;
ALTER SEQUENCE numbers OWNED BY vouchers.number;
-- migration
-- airlock: rename dual-column
ALTER TABLE vouchers RENAME COLUMN token TO secret;
-- airlock: rename dual-column
ALTER TABLE vouchers RENAME number TO serial_number;
-- old application
INSERT INTO vouchers (id, note) VALUES (:fresh, :s);
INSERT INTO vouchers (id, token) VALUES (:fresh, gen_random_uuid());
UPDATE vouchers SET token = DEFAULT WHERE id = :id;
SELECT token, number FROM vouchers WHERE id = :id;
-- new application
INSERT INTO vouchers (id, note) VALUES (:fresh, :s);
INSERT INTO vouchers (id, secret) VALUES (:fresh, gen_random_uuid());
UPDATE vouchers SET note = :s WHERE id = :id RETURNING note = :s;
SELECT secret, serial_number FROM vouchers WHERE id = :id;
-- agree at gate
SELECT count(*) = 0 FROM vouchers WHERE token IS DISTINCT FROM secret OR number IS DISTINCT FROM serial_number;
-- agree
SELECT count(*) = count(DISTINCT secret) AND count(*) = count(DISTINCT serial_number) FROM vouchers;
