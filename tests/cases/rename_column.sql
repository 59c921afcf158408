-- case: rename_column
-- shows: a renamed column lives under both names, in step both ways, until contract
-- expect note: column-order
-- setup
CREATE TABLE products (id bigint PRIMARY KEY, title text, price int);
INSERT INTO products SELECT i, CASE WHEN i % 11 > 0 THEN 'title ' || i END, i FROM generate_series(1, 900) AS i;
CREATE TABLE ledger (id bigint PRIMARY KEY, title text);
-- migration
-- airlock: rename dual-column
ALTER TABLE products RENAME COLUMN title TO name;
-- old application
WITH w AS (UPDATE products SET title = 'old ' || :s WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, 'old ' || :s FROM w ON CONFLICT (id) DO UPDATE SET title = excluded.title;
WITH w AS (UPDATE products SET title = NULL WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, NULL FROM w ON CONFLICT (id) DO UPDATE SET title = excluded.title;
INSERT INTO products (id, title) VALUES (:fresh, :s);
INSERT INTO products (id, price) VALUES (:fresh, :n);
UPDATE products SET price = :n WHERE id = :id RETURNING price = :n;
SELECT title FROM products WHERE id = :id;
DELETE FROM products WHERE id = 500 + :id;
-- new application
WITH w AS (UPDATE products SET name = 'new ' || :s WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, 'new ' || :s FROM w ON CONFLICT (id) DO UPDATE SET title = excluded.title;
INSERT INTO products (id, name) VALUES (:fresh, :s);
SELECT name FROM products WHERE id = :id;
-- new application from gate
WITH w AS (UPDATE products SET name = NULL WHERE id = :id RETURNING id) INSERT INTO ledger SELECT id, NULL FROM w ON CONFLICT (id) DO UPDATE SET title = excluded.title;
-- agree at gate
SELECT count(*) = 0 FROM products WHERE title IS DISTINCT FROM name;
-- agree
SELECT count(*) = 0 FROM ledger JOIN products USING (id) WHERE ledger.title IS DISTINCT FROM products.name;
