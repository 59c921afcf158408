-- case: type_no_key
-- shows: a table without any key, with equal rows and NULLs
-- expect note: column-order
-- setup
CREATE TABLE samples (at timestamp, value real, raw json, code char(4));
INSERT INTO samples SELECT CASE WHEN i % 4 > 0 THEN '2026-01-01'::timestamp + i % 10 * interval '1 h' END, nullif(i % 3, 0), CASE WHEN i % 5 > 0 THEN '{"a": 1}'::json END, nullif(i % 6, 2) FROM generate_series(1, 600) AS i;
CREATE INDEX ON samples (value, at);
-- migration
ALTER TABLE samples ALTER COLUMN value TYPE double precision, ALTER COLUMN raw TYPE jsonb, ALTER COLUMN code TYPE varchar(4) USING code::varchar(4);
-- old application
INSERT INTO samples (at, value) VALUES ('2026-02-01', :n);
UPDATE samples SET raw = '{"b": 2}' WHERE ctid = (SELECT ctid FROM samples WHERE value = 1 AND at IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED);
DELETE FROM samples WHERE ctid = (SELECT ctid FROM samples WHERE code = '1' LIMIT 1 FOR UPDATE SKIP LOCKED);
-- new application
INSERT INTO samples (at, value, raw, code) VALUES (NULL, :n, '[1]', 'x');
