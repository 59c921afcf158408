-- case: partition_of_beside_default
-- shows: a default partition with rows is proven to hold none for the new partition before it is attached
-- expect note: application
-- new application starts: at the gate
-- setup
CREATE TABLE orders (id bigint, country varchar(2), total int) PARTITION BY LIST (country);
CREATE TABLE orders_se PARTITION OF orders FOR VALUES IN ('se');
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
INSERT INTO orders SELECT i, (ARRAY['se', 'no', NULL, 'de'])[i % 4 + 1], i FROM generate_series(1, 800) AS i;
-- migration
CREATE TABLE orders_dk PARTITION OF orders FOR VALUES IN ('dk', 'fi');
-- old application
INSERT INTO orders (id, country, total) VALUES (:fresh, 'no', :n);
INSERT INTO orders (id, country, total) VALUES (:fresh, NULL, :n);
UPDATE orders SET total = :n WHERE id = :id;
-- new application
INSERT INTO orders (id, country, total) VALUES (:fresh, 'dk', :n);
SELECT total FROM orders WHERE country = 'fi';
-- agree
SELECT count(*) = 0 FROM orders_rest WHERE country IN ('dk', 'fi');
