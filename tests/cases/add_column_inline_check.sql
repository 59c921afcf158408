-- case: add_column_inline_check
-- shows: an inline CHECK is split off: added NOT VALID, then validated; named, unnamed, on the table's other columns too
-- setup
CREATE TABLE prices (id bigint PRIMARY KEY, net int NOT NULL);
INSERT INTO prices SELECT i, 10 + i FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE prices ADD COLUMN tax int DEFAULT 2 CHECK (tax >= 0);
ALTER TABLE prices ADD COLUMN gross int CONSTRAINT gross_is_more CHECK (gross IS NULL OR gross >= net);
-- old application
INSERT INTO prices (id, net) VALUES (:fresh, :n);
UPDATE prices SET net = :n WHERE id = :id AND net < 5;
-- new application
INSERT INTO prices (id, net, tax, gross) VALUES (:fresh, :n, 3, :n + 3);
UPDATE prices SET tax = :n WHERE id = :id RETURNING tax = :n;
