-- case: rename_table
-- shows: the table takes its new name and a view with the same grants keeps the old one alive until contract
-- setup
CREATE TABLE clients (id bigserial PRIMARY KEY, name text NOT NULL, manager bigint REFERENCES clients);
INSERT INTO clients (name, manager) SELECT 'client ' || i, nullif(i / 9, 0) FROM generate_series(1, 400) AS i;
CREATE TABLE contracts (id bigint PRIMARY KEY, client_id bigint REFERENCES clients ON DELETE CASCADE);
INSERT INTO contracts SELECT i, i FROM generate_series(1, 300) AS i;
CREATE VIEW client_names AS SELECT id, name FROM clients;
CREATE INDEX clients_name ON clients (name);
COMMENT ON TABLE clients IS 'who pays';
GRANT SELECT ON clients TO reporting;
GRANT SELECT (id, name) ON clients TO auditor;
-- migration
ALTER TABLE clients RENAME TO customers;
-- old application
INSERT INTO clients (name) VALUES (:s);
INSERT INTO clients (id, name) VALUES (:fresh, :s) ON CONFLICT (id) DO NOTHING;
UPDATE clients SET name = :s WHERE id = :id RETURNING name = :s;
DELETE FROM clients WHERE id = 300 + :id;
SELECT name FROM clients WHERE id = :id FOR UPDATE;
SELECT name FROM client_names WHERE id = :id;
INSERT INTO contracts (id, client_id) VALUES (:fresh, :id);
-- new application
INSERT INTO customers (name) VALUES (:s) RETURNING id > 0;
UPDATE customers SET name = :s, manager = :id WHERE id = :id RETURNING name = :s;
SELECT name FROM customers WHERE id = :id FOR SHARE;
SELECT count(*) FROM contracts JOIN customers ON customers.id = client_id WHERE customers.id = :id;
-- agree
SELECT count(*) = 0 FROM contracts WHERE client_id NOT IN (SELECT id FROM customers);
