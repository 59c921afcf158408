-- case: drop_index
-- shows: indexes are dropped concurrently: one, several in a statement, a unique one, one that is not there
-- setup
CREATE SCHEMA crm;
CREATE TABLE crm.contacts (id bigint PRIMARY KEY, a int, b int, c int, d int);
INSERT INTO crm.contacts SELECT i, i, i, i, i FROM generate_series(1, 600) AS i;
CREATE INDEX contacts_a ON crm.contacts (a);
CREATE INDEX contacts_b ON crm.contacts (b);
CREATE INDEX contacts_c ON crm.contacts (c) WHERE c > 3;
CREATE UNIQUE INDEX contacts_d ON crm.contacts (d);
-- migration
DROP INDEX crm.contacts_a;
DROP INDEX crm.contacts_b, crm.contacts_c;
DROP INDEX IF EXISTS crm.contacts_d, crm.contacts_nowhere;
-- old application
INSERT INTO crm.contacts (id, a, d) VALUES (:fresh, :n, :fresh);
SELECT id FROM crm.contacts WHERE a = :n AND b = :n;
-- new application
UPDATE crm.contacts SET a = :n, c = :n WHERE id = :id RETURNING a = :n;
