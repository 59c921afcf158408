-- case: add_column_domain_default
-- shows: the volatile default of a domain, and of a domain over it, would rewrite the table: new rows get it at once, old rows in batches
-- volatile: tickets.token, tickets.other, tickets.third
-- setup
CREATE DOMAIN code AS uuid DEFAULT gen_random_uuid();
CREATE DOMAIN code_over AS code;
CREATE TABLE tickets (id bigint PRIMARY KEY, holder text);
INSERT INTO tickets SELECT i, repeat('holder ', 1 + i % 20) FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE tickets ADD COLUMN token code;
ALTER TABLE tickets ADD COLUMN other code_over NOT NULL;
ALTER TABLE tickets ADD COLUMN third code DEFAULT md5(random()::text)::uuid;
ALTER TABLE tickets ADD COLUMN none code DEFAULT NULL;
-- old application
INSERT INTO tickets (id, holder) VALUES (:fresh, :s);
UPDATE tickets SET holder = :s WHERE id = :id RETURNING holder = :s;
-- new application
INSERT INTO tickets (id, holder, token) VALUES (:fresh, :s, gen_random_uuid());
SELECT token FROM tickets WHERE id = :id;
-- agree
SELECT count(*) = count(DISTINCT token) AND count(*) = count(DISTINCT other) AND count(none) = 0 FROM tickets;
