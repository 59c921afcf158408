-- case: add_check
-- shows: CHECKs named, unnamed on one column and on several, two in one ALTER, on a table with one of the same shape
-- setup
CREATE TABLE shifts (id bigint PRIMARY KEY, starts int, ends int, CHECK (starts >= 0));
INSERT INTO shifts SELECT i, i % 12, 12 + i % 12 FROM generate_series(1, 800) AS i;
-- migration
ALTER TABLE shifts ADD CONSTRAINT ends_later CHECK (ends > starts);
ALTER TABLE shifts ADD CHECK (starts < 1000000);
ALTER TABLE shifts ADD CHECK (ends < 1000000 OR starts IS NULL), ADD CONSTRAINT "both or none" CHECK ((starts IS NULL) = (ends IS NULL));
COMMENT ON CONSTRAINT ends_later ON shifts IS 'no shift ends before it starts';
-- old application
INSERT INTO shifts (id, starts, ends) VALUES (:fresh, :n, :n + 1);
UPDATE shifts SET starts = :n, ends = :n + 8 WHERE id = :id;
DELETE FROM shifts WHERE id = 500 + :id;
-- new application
INSERT INTO shifts (id) VALUES (:fresh);
SELECT ends - starts FROM shifts WHERE id = :id;
