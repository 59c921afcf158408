-- case: add_column_constant_default
-- shows: a constant default is kept in the catalog and needs no rewrite
-- setup
CREATE TABLE orders (id bigint PRIMARY KEY, note text);
INSERT INTO orders SELECT i, repeat('x', i % 90) FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE orders ADD COLUMN priority int DEFAULT 7;
ALTER TABLE orders ADD COLUMN label varchar(12) DEFAULT 'it''s ' || 'new';
-- old application
INSERT INTO orders (id, note) VALUES (:fresh, :s);
DELETE FROM orders WHERE id = :id;
-- new application
INSERT INTO orders (id, note, priority) VALUES (:fresh, :s, NULL);
UPDATE orders SET priority = :n, label = NULL WHERE id = :id;
SELECT priority, label FROM orders WHERE id = :id;
