-- case: add_column_several_in_one_alter
-- shows: one ALTER TABLE of many subcommands: brief ones, ones that need a recipe, and the order in which the server runs them
-- volatile: parcels.code
-- setup
CREATE TABLE depots (id int PRIMARY KEY);
INSERT INTO depots SELECT i FROM generate_series(1, 10) AS i;
CREATE TABLE parcels (id bigint PRIMARY KEY, weight int, note text DEFAULT 'none', obsolete int);
INSERT INTO parcels SELECT i, i % 40, 'note ' || i, i FROM generate_series(1, 700) AS i;
-- migration
ALTER TABLE parcels
    ADD CONSTRAINT weight_is_positive CHECK (weight >= 0),
    ADD COLUMN code uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN depot_id int DEFAULT 1 REFERENCES depots,
    ADD COLUMN fragile boolean NOT NULL DEFAULT false,
    ADD UNIQUE (code),
    ALTER COLUMN note SET DEFAULT 'nothing',
    ALTER COLUMN weight SET NOT NULL,
    DROP COLUMN obsolete;
-- old application
INSERT INTO parcels (id, weight, obsolete) VALUES (:fresh, :n, :n);
UPDATE parcels SET weight = :n, obsolete = :n WHERE id = :id;
-- new application
INSERT INTO parcels (id, weight, depot_id, fragile) VALUES (:fresh, :n, 1 + :n % 10, true);
SELECT code, depot_id, fragile FROM parcels WHERE id = :id;
-- agree
SELECT count(*) = count(DISTINCT code) AND bool_and(fragile IS NOT NULL) FROM parcels;
