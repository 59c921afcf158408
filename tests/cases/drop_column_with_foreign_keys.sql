-- case: drop_column_with_foreign_keys
-- shows: the foreign keys of a dropped column go first, one in each transaction
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE shops (id bigint PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 50);
INSERT INTO shops SELECT generate_series(1, 50);
CREATE TABLE orders (id bigint PRIMARY KEY, place bigint NOT NULL CONSTRAINT orders_a REFERENCES customers CONSTRAINT orders_b REFERENCES shops, above bigint REFERENCES orders);
INSERT INTO orders SELECT i, i % 50 + 1, NULL FROM generate_series(1, 200) AS i;
-- migration
ALTER TABLE orders DROP COLUMN place, DROP COLUMN above;
-- old application
UPDATE orders SET place = 7 WHERE id = :id;
-- new application
INSERT INTO orders (id) VALUES (:fresh);
