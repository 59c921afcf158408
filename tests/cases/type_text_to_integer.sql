-- case: type_text_to_integer
-- shows: text becomes integer by a USING that can fail; what the way back is, follows from it
-- expect note: column-order
-- setup
CREATE TABLE parts (id bigint PRIMARY KEY, code text NOT NULL DEFAULT '12', rank varchar(8), weight text);
INSERT INTO parts SELECT i, ' ' || i, CASE WHEN i % 3 > 0 THEN i::text ELSE '' END, NULL FROM generate_series(1, 700) AS i;
CREATE UNIQUE INDEX parts_code_id ON parts (code, id);
CREATE INDEX parts_rank ON parts (rank);
ALTER TABLE parts ADD CONSTRAINT coded CHECK (code IS NOT NULL);
-- migration
ALTER TABLE parts ALTER COLUMN code DROP DEFAULT;
ALTER TABLE parts ALTER COLUMN code TYPE int USING code::int;
ALTER TABLE parts ALTER COLUMN code SET DEFAULT 12;
ALTER TABLE parts ALTER COLUMN rank TYPE integer USING nullif(rank, '')::integer;
ALTER TABLE parts ALTER COLUMN weight TYPE numeric(8, 2) USING weight::numeric;
-- old application
INSERT INTO parts (id, code, rank) VALUES (:fresh, '77', '8');
INSERT INTO parts (id) VALUES (:fresh);
UPDATE parts SET code = '5', weight = '1.25' WHERE id = :id;
UPDATE parts SET rank = NULL WHERE id = :id;
-- new application
UPDATE parts SET rank = NULL WHERE id = :id;
-- new application from gate
INSERT INTO parts (id, code) VALUES (:fresh, 1234);
UPDATE parts SET weight = 5.5 WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM parts WHERE code IS NULL;
