-- case: type_json_uuid
-- shows: text becomes uuid and jsonb, an array another array; a uuid key of text with a child that follows
-- expect note: column-order
-- setup
CREATE TABLE nodes (id text PRIMARY KEY, data text, tags int[] NOT NULL DEFAULT '{}');
INSERT INTO nodes SELECT md5(i::text), '{"n": ' || i || '}', ARRAY[i, i + 1] FROM generate_series(1, 400) AS i;
CREATE TABLE edges (nr bigint PRIMARY KEY, source text NOT NULL REFERENCES nodes ON UPDATE CASCADE, target text);
ALTER TABLE edges ADD FOREIGN KEY (target) REFERENCES nodes (id) ON DELETE SET NULL NOT VALID;
INSERT INTO edges SELECT i, md5(i::text), md5((i + 1)::text) FROM generate_series(1, 300) AS i;
CREATE INDEX nodes_tags ON nodes USING gin (tags);
-- migration
ALTER TABLE nodes ALTER COLUMN id TYPE uuid USING id::uuid, ALTER COLUMN data TYPE jsonb USING data::jsonb, ALTER COLUMN tags TYPE bigint[];
ALTER TABLE edges ALTER COLUMN source TYPE uuid USING source::uuid, ALTER COLUMN target TYPE uuid USING target::uuid;
-- as-written
ALTER TABLE edges DROP CONSTRAINT edges_source_fkey, DROP CONSTRAINT edges_target_fkey;
ALTER TABLE nodes ALTER COLUMN id TYPE uuid USING id::uuid, ALTER COLUMN data TYPE jsonb USING data::jsonb, ALTER COLUMN tags TYPE bigint[];
ALTER TABLE edges ALTER COLUMN source TYPE uuid USING source::uuid, ALTER COLUMN target TYPE uuid USING target::uuid;
ALTER TABLE edges ADD FOREIGN KEY (source) REFERENCES nodes ON UPDATE CASCADE;
ALTER TABLE edges ADD FOREIGN KEY (target) REFERENCES nodes (id) ON DELETE SET NULL NOT VALID;
-- old application
UPDATE nodes SET data = '{"m": 1}', tags = '{7}' WHERE id = '10000000-0000-4000-8000-000000000000';
UPDATE nodes SET data = '{"m": 2}' WHERE tags[1] = 5;
INSERT INTO edges (nr, source) SELECT :fresh, id FROM nodes WHERE tags[1] = 7 LIMIT 1;
-- new application
UPDATE nodes SET tags = '{9}' WHERE tags[1] = 11;
