-- case: refuse_rename_column_domain_default
-- shows: a second column of a domain with a default would be filled by the server, under its lock where the default is volatile
-- expect refusal: refused domain with a default
-- setup
CREATE DOMAIN code AS uuid DEFAULT gen_random_uuid();
CREATE TABLE tickets (id bigint PRIMARY KEY, token code);
INSERT INTO tickets SELECT generate_series(1, 300);
-- migration
-- airlock: rename dual-column
ALTER TABLE tickets RENAME COLUMN token TO code;
