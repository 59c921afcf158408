-- case: toasted_wide_rows
-- shows: wide rows kept out of line: the copy keeps every byte, and a fill does not touch them
-- expect note: column-order
-- setup
CREATE TABLE blobs (id bigint PRIMARY KEY, payload text, raw bytea, tag text);
ALTER TABLE blobs ALTER COLUMN payload SET STORAGE EXTERNAL;
INSERT INTO blobs SELECT i, (SELECT string_agg(md5((i * k)::text), '') FROM generate_series(1, 400) AS k), decode(repeat(md5(i::text), 200), 'hex'), 'tag ' || i FROM generate_series(1, 120) AS i;
INSERT INTO blobs SELECT i, CASE WHEN i % 2 = 0 THEN '' END, '\x', NULL FROM generate_series(121, 200) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE blobs RENAME COLUMN payload TO content;
ALTER TABLE blobs ADD COLUMN size int;
UPDATE blobs SET size = coalesce(octet_length(raw), 0);
ALTER TABLE blobs ALTER COLUMN size SET NOT NULL;
-- old application
UPDATE blobs SET payload = repeat(:s, 3000) WHERE id = :id;
UPDATE blobs SET tag = :s WHERE id = :id RETURNING tag = :s;
SELECT length(payload) FROM blobs WHERE id = :id;
-- new application
UPDATE blobs SET content = repeat(:s, 3000) WHERE id = :id;
SELECT length(content) FROM blobs WHERE id = :id;
-- agree at gate
SELECT count(*) = 0 FROM blobs WHERE payload IS DISTINCT FROM content;
