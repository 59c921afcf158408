-- case: three_steps
-- shows: the classic three steps (add nullable, UPDATE, SET NOT NULL) are one rollout with a sync trigger
-- setup
CREATE TABLE invoices (id bigint PRIMARY KEY, net int NOT NULL, tax int NOT NULL);
INSERT INTO invoices SELECT i, i % 100, i % 7 FROM generate_series(1, 1000) AS i;
CREATE TABLE ledger (id bigint PRIMARY KEY, total int NOT NULL);
-- migration
ALTER TABLE invoices ADD COLUMN total int;
UPDATE invoices SET total = net + tax;
ALTER TABLE invoices ALTER COLUMN total SET NOT NULL;
-- old application
WITH w AS (UPDATE invoices SET net = :n, tax = 1 WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, :n + 1 FROM w ON CONFLICT (id) DO UPDATE SET total = excluded.total;
INSERT INTO invoices (id, net, tax) VALUES (:fresh, :n, 2);
DELETE FROM invoices WHERE id = 100 + :id AND id % 9 = 0;
SELECT net + tax FROM invoices WHERE id = :id;
-- new application
WITH w AS (UPDATE invoices SET net = :n, tax = 5, total = :n + 5 WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, :n + 5 FROM w ON CONFLICT (id) DO UPDATE SET total = excluded.total;
INSERT INTO invoices (id, net, tax, total) VALUES (:fresh, :n, 2, :n + 2);
SELECT total FROM invoices WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM invoices WHERE total IS DISTINCT FROM net + tax;
SELECT count(*) = 0 FROM ledger JOIN invoices USING (id) WHERE ledger.total <> invoices.total;
