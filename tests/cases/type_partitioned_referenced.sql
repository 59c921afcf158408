-- case: type_partitioned_referenced
-- shows: the key of a partitioned table to which others refer becomes bigint, and the references with it
-- expect note: column-order
-- setup
CREATE TABLE orders (id int NOT NULL, region text NOT NULL, note text, UNIQUE (note, region), PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE orders_eu PARTITION OF orders FOR VALUES IN ('eu');
CREATE TABLE orders_us PARTITION OF orders FOR VALUES IN ('us');
INSERT INTO orders SELECT i, CASE i % 2 WHEN 0 THEN 'eu' ELSE 'us' END, 'n' || i FROM generate_series(1, 600) AS i;
CREATE TABLE items (nr bigint PRIMARY KEY, order_id int, region text, CONSTRAINT of_order FOREIGN KEY (order_id, region) REFERENCES orders (id, region) ON DELETE CASCADE);
COMMENT ON CONSTRAINT of_order ON items IS 'both';
INSERT INTO items SELECT i, i, CASE i % 2 WHEN 0 THEN 'eu' ELSE 'us' END FROM generate_series(1, 600) AS i;
-- migration
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
ALTER TABLE items ALTER COLUMN order_id TYPE bigint;
-- old application
INSERT INTO orders (id, region, note) VALUES (:fresh, 'eu', 'o' || :fresh);
INSERT INTO items (nr, order_id, region) SELECT :fresh, id, region FROM orders WHERE id = :id FOR KEY SHARE;
DELETE FROM orders WHERE id = :id + 200;
-- new application
INSERT INTO orders (id, region, note) VALUES (:fresh, 'us', 'p' || :fresh);
UPDATE items SET order_id = NULL WHERE nr = :id;
-- agree
SELECT count(*) = 0 FROM items LEFT JOIN orders ON orders.id = items.order_id AND orders.region = items.region WHERE items.order_id IS NOT NULL AND items.region IS NOT NULL AND orders.id IS NULL;
