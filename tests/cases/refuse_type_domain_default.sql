-- case: refuse_type_domain_default
-- shows: a new column of a domain with a default would be filled by the server, under its lock where the default is volatile
-- expect refusal: refused domain with a default
-- setup
CREATE DOMAIN code AS uuid DEFAULT gen_random_uuid();
CREATE TABLE tickets (id bigint PRIMARY KEY, token text);
INSERT INTO tickets SELECT i, md5(i::text) FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE tickets ALTER COLUMN token TYPE code USING token::uuid;
