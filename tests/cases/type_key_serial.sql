-- case: type_key_serial
-- shows: an int primary key from a sequence, with all that hangs on it, becomes bigint together with the columns that refer to it
-- expect note: column-order
-- setup
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL, state text NOT NULL DEFAULT 'new', total numeric(10, 2));
INSERT INTO orders (customer, state, total) SELECT i % 50, CASE WHEN i % 7 = 0 THEN 'paid' ELSE 'new' END, i / 4.0 FROM generate_series(1, 800) AS i;
CREATE TABLE items (id bigint PRIMARY KEY, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE, product text);
INSERT INTO items SELECT i, 1 + i % 800, 'p' || i FROM generate_series(1, 1500) AS i;
CREATE TABLE payments (id bigint PRIMARY KEY, order_id int, amount int);
INSERT INTO payments SELECT i, CASE WHEN i % 9 > 0 THEN 1 + i % 800 END, i FROM generate_series(1, 500) AS i;
ALTER TABLE payments ADD CONSTRAINT for_order FOREIGN KEY (order_id) REFERENCES orders (id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
COMMENT ON CONSTRAINT for_order ON payments IS 'may come before the order';
CREATE TABLE hints (order_id int REFERENCES orders, hint text);
INSERT INTO hints SELECT i, 'h' FROM generate_series(1, 50) AS i;
CREATE INDEX orders_customer ON orders (customer, id DESC);
CREATE INDEX orders_unpaid ON orders (id) WHERE state = 'new';
CREATE UNIQUE INDEX orders_once ON orders (customer, id) INCLUDE (total);
CREATE INDEX items_order ON items (order_id);
ALTER TABLE orders CLUSTER ON orders_customer;
ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_once;
CREATE PUBLICATION feed FOR TABLE orders, payments;
GRANT SELECT ON orders TO reporting;
-- migration
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
ALTER SEQUENCE orders_id_seq AS bigint;
ALTER TABLE items ALTER COLUMN order_id TYPE bigint;
ALTER TABLE payments ALTER COLUMN order_id SET DATA TYPE bigint;
-- old application
INSERT INTO orders (customer, total) VALUES (:n, 5);
UPDATE orders SET state = 'paid' WHERE id = :id RETURNING state = 'paid';
INSERT INTO items (id, order_id, product) VALUES (:fresh, :id, :s);
UPDATE items SET order_id = :id WHERE id = :id + 200;
INSERT INTO payments (id, order_id, amount) VALUES (:fresh, :id, :n);
DELETE FROM hints WHERE order_id = :id;
WITH gone AS (INSERT INTO orders (customer) VALUES (:n) RETURNING id) INSERT INTO hints (order_id, hint) SELECT NULL, :s FROM gone;
-- new application
INSERT INTO orders (customer, total) VALUES (:n, 5);
UPDATE orders SET state = 'sent' WHERE id = :id;
INSERT INTO items (id, order_id, product) VALUES (:fresh, :id, :s);
-- agree
SELECT count(*) = 0 FROM items LEFT JOIN orders ON orders.id = items.order_id WHERE orders.id IS NULL;
