-- case: add_foreign_key_cycle
-- shows: the keys that close a circle, one of them to the table itself, are added in one migration
-- setup
CREATE TABLE nodes (id uuid PRIMARY KEY, up uuid, edge bigint);
CREATE TABLE edges (nr bigint PRIMARY KEY, source uuid, target uuid);
INSERT INTO nodes SELECT md5(i::text)::uuid, CASE WHEN i > 1 THEN md5((i / 2)::text)::uuid END, i FROM generate_series(1, 300) AS i;
INSERT INTO edges SELECT i, md5(i::text)::uuid, CASE WHEN i % 4 > 0 THEN md5((301 - i)::text)::uuid END FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE nodes ADD FOREIGN KEY (up) REFERENCES nodes, ADD CONSTRAINT first_edge FOREIGN KEY (edge) REFERENCES edges ON DELETE SET NULL DEFERRABLE;
ALTER TABLE edges ADD FOREIGN KEY (source) REFERENCES nodes (id), ADD FOREIGN KEY (target) REFERENCES nodes (id) ON DELETE CASCADE;
-- old application
INSERT INTO nodes (id, up, edge) VALUES (gen_random_uuid(), md5((:id)::text)::uuid, :id);
UPDATE edges SET target = md5((:id)::text)::uuid WHERE nr = :id;
-- new application
INSERT INTO edges (nr, source, target) VALUES (:fresh, md5((:id)::text)::uuid, NULL);
-- agree
SELECT count(*) = 0 FROM nodes LEFT JOIN edges ON nr = edge WHERE edge IS NOT NULL AND nr IS NULL;
