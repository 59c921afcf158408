-- case: walk_in_visits
-- shows: blocks enough to be visited several times, a share of their rows at a time
-- keys: 2200
-- setup
CREATE TABLE parcels (id int PRIMARY KEY, weight int NOT NULL, note text NOT NULL);
INSERT INTO parcels SELECT g, g, repeat('x', 240) FROM generate_series(1, 2200) AS g;
-- migration
ALTER TABLE parcels ADD COLUMN grams bigint;
UPDATE parcels SET grams = weight * 1000::bigint;
ALTER TABLE parcels ALTER COLUMN grams SET NOT NULL;
-- old application
UPDATE parcels SET weight = :n WHERE id = :id;
UPDATE parcels SET note = repeat('y', 480) WHERE id = :id;
DELETE FROM parcels WHERE id = :id;
INSERT INTO parcels (id, weight, note) VALUES (:fresh, :n, 'fresh');
-- new application
UPDATE parcels SET grams = 7000, weight = 7 WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM parcels WHERE grams IS DISTINCT FROM weight * 1000::bigint;
