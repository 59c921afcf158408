-- case: add_column_nextval_default
-- shows: a default from a sequence is volatile too: each old row gets a number of its own
-- volatile: receipts.number
-- setup
CREATE SEQUENCE receipt_numbers START 1000;
CREATE TABLE receipts (id bigint PRIMARY KEY, total int);
INSERT INTO receipts SELECT i, i * 3 FROM generate_series(1, 600) AS i;
-- migration
ALTER TABLE receipts ADD COLUMN number bigint NOT NULL DEFAULT nextval('receipt_numbers');
-- old application
INSERT INTO receipts (id, total) VALUES (:fresh, :n);
UPDATE receipts SET total = :n WHERE id = :id;
-- new application
INSERT INTO receipts (id, total, number) VALUES (:fresh, :n, nextval('receipt_numbers'));
SELECT number FROM receipts WHERE id = :id;
-- agree
SELECT count(*) = count(DISTINCT number) FROM receipts;
