-- case: mixed_release
-- shows: a release as a team would write it: a new table, a fill, a rename, an index, keys and drops, all in one file
-- expect note: column-order
-- new application starts: at the gate
-- rollback: schema only
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, legacy_code text, mail text);
INSERT INTO customers SELECT i, 'customer ' || i, 'L' || i, 'c' || i || '@example.org' FROM generate_series(1, 600) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL, total int, placed date);
INSERT INTO orders SELECT i, 1 + i % 600, i, date '2024-01-01' + i % 300 FROM generate_series(1, 1200) AS i;
CREATE INDEX orders_placed ON orders (placed);
-- migration
BEGIN;
CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL);
INSERT INTO currencies VALUES ('NOK', 'krone'), ('EUR', 'euro');
GRANT SELECT ON currencies TO application;
ALTER TABLE orders ADD COLUMN currency text DEFAULT 'NOK' NOT NULL REFERENCES currencies;
ALTER TABLE orders ADD COLUMN quarter int;
UPDATE orders SET quarter = extract(quarter FROM placed)::int WHERE placed IS NOT NULL;
ALTER TABLE orders ADD CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id);
CREATE INDEX ON orders (customer);
DROP INDEX orders_placed;
ALTER TABLE orders ADD CONSTRAINT total_counts CHECK (total >= 0);
  -- the strategy is chosen by the engine
ALTER TABLE customers RENAME COLUMN mail TO email;
ALTER TABLE customers DROP COLUMN legacy_code;
COMMIT;
-- old application
INSERT INTO orders (id, customer, total, placed) VALUES (:fresh, :id, :n, date '2024-05-05');
UPDATE orders SET total = :n WHERE id = :id RETURNING total = :n;
INSERT INTO customers (id, name, legacy_code, mail) VALUES (:fresh, :s, :s, :s);
UPDATE customers SET mail = :s WHERE id = :id RETURNING mail = :s;
-- new application
INSERT INTO orders (id, customer, total, currency, quarter) VALUES (:fresh, :id, :n, 'EUR', 2);
INSERT INTO customers (id, name, email) VALUES (:fresh, :s, :s);
UPDATE customers SET email = :s WHERE id = :id RETURNING email = :s;
SELECT o.currency, c.email FROM orders AS o JOIN customers AS c ON c.id = o.customer WHERE o.id = :id;
-- agree
SELECT count(*) = 0 FROM orders WHERE currency IS NULL;
