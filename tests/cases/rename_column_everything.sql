-- case: rename_column_everything
-- shows: all that can hang on a column comes along: indexes of every kind, checks, keys, statistics, privileges, comment
-- expect note: column-order
-- setup
CREATE TABLE kinds (id int PRIMARY KEY, code text UNIQUE);
INSERT INTO kinds SELECT i, 'k' || i FROM generate_series(0, 40) AS i;
CREATE TABLE items (id bigint PRIMARY KEY, kind_code text NOT NULL DEFAULT 'k0', weight int, note text);
INSERT INTO items SELECT i, 'k' || i % 40, i, 'n' FROM generate_series(1, 900) AS i;
ALTER TABLE items ALTER COLUMN kind_code SET STATISTICS 321;
ALTER TABLE items ALTER COLUMN kind_code SET (n_distinct = 41);
ALTER TABLE items ALTER COLUMN kind_code SET STORAGE MAIN;
ALTER TABLE items ADD CONSTRAINT known_kind FOREIGN KEY (kind_code) REFERENCES kinds (code) ON UPDATE CASCADE;
ALTER TABLE items ADD CONSTRAINT kind_looks_right CHECK (kind_code ~ '^k[0-9]+$');
ALTER TABLE items ADD CHECK (kind_code <> note OR weight > 0);
ALTER TABLE items ADD CONSTRAINT later CHECK (length(kind_code) < 50) NOT VALID;
ALTER TABLE items ADD UNIQUE (kind_code, id);
ALTER TABLE items ADD CONSTRAINT once UNIQUE (id, kind_code) INCLUDE (note) DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX items_kind ON items (kind_code);
CREATE INDEX items_kind_upper ON items (upper(kind_code), weight DESC);
CREATE INDEX items_kind_some ON items (weight) WHERE kind_code = 'k1';
CREATE INDEX items_kind_cover ON items (weight) INCLUDE (kind_code);
CREATE INDEX items_kind_pattern ON items (kind_code text_pattern_ops DESC NULLS LAST) WITH (fillfactor = 80);
CREATE INDEX items_kind_hash ON items USING hash (kind_code);
CREATE UNIQUE INDEX items_kind_unique ON items (kind_code, id, (weight + id));
CREATE INDEX items_other ON items (weight);
CREATE STATISTICS items_together (ndistinct, dependencies) ON kind_code, weight FROM items;
ALTER STATISTICS items_together SET STATISTICS 77;
CREATE STATISTICS items_expression ON upper(kind_code), weight FROM items;
COMMENT ON COLUMN items.kind_code IS 'what it''s made of';
COMMENT ON INDEX items_kind IS 'the usual way in';
COMMENT ON CONSTRAINT kind_looks_right ON items IS 'k and digits';
COMMENT ON STATISTICS items_together IS 'they go together';
GRANT SELECT (kind_code), UPDATE (kind_code) ON items TO reporting;
GRANT SELECT (kind_code) ON items TO auditor WITH GRANT OPTION;
-- migration
-- airlock: rename dual-column
ALTER TABLE items RENAME COLUMN kind_code TO category;
-- old application
INSERT INTO items (id, kind_code, weight) VALUES (:fresh, 'k' || :n % 40, 1);
INSERT INTO items (id, weight) VALUES (:fresh, 2);
UPDATE items SET kind_code = 'k' || :n % 40 WHERE id = :id;
UPDATE items SET weight = :n WHERE id = :id RETURNING weight = :n;
-- new application
INSERT INTO items (id, category, weight) VALUES (:fresh, 'k' || :n % 40, 1);
INSERT INTO items (id, weight) VALUES (:fresh, 2);
UPDATE items SET category = 'k' || :n % 40 WHERE id = :id;
SELECT category FROM items WHERE id = :id;
-- agree at gate
SELECT count(*) = 0 FROM items WHERE kind_code IS DISTINCT FROM category;
-- agree
SELECT count(*) = 0 FROM items WHERE category IS NULL;
