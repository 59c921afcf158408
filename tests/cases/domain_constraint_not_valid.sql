-- case: domain_constraint_not_valid
-- shows: a constraint of a domain that is NOT VALID takes no lock on the tables that use it
-- rollback: incomplete
-- expect note: irreversible
-- setup
CREATE DOMAIN code AS text;
CREATE TABLE parts (id bigint PRIMARY KEY, code code);
INSERT INTO parts SELECT i, 'c' || i FROM generate_series(1, 300) AS i;
-- migration
ALTER DOMAIN code ADD CONSTRAINT not_empty CHECK (VALUE <> '') NOT VALID;
-- old application
INSERT INTO parts (id, code) VALUES (:fresh, 'old ' || :n);
UPDATE parts SET code = 'u' || :n WHERE id = :id;
-- new application
INSERT INTO parts (id, code) VALUES (:fresh, 'new ' || :n);
