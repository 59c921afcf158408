-- case: type_views
-- shows: views over the column come back as they were: owner, privileges, options, comments, views over views
-- expect note: column-order
-- setup
CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL, state text);
INSERT INTO orders SELECT i, i, 'new' FROM generate_series(1, 600) AS i;
CREATE TABLE clients (id int, name text);
CREATE VIEW big_orders WITH (security_barrier = true) AS SELECT o.id, o.total, c.name FROM orders AS o LEFT JOIN clients AS c ON c.id = o.id WHERE o.total > 10;
CREATE VIEW biggest AS SELECT id, total * 2 AS twice FROM big_orders WHERE total > 100;
CREATE VIEW states AS SELECT DISTINCT state FROM orders;
CREATE VIEW pairs AS SELECT b.id, g.twice FROM big_orders AS b JOIN biggest AS g USING (id);
COMMENT ON VIEW big_orders IS 'worth a look';
COMMENT ON COLUMN big_orders.total IS 'in cents';
GRANT SELECT ON big_orders, biggest, pairs TO reporting;
GRANT SELECT, UPDATE (total) ON big_orders TO auditor WITH GRANT OPTION;
ALTER VIEW biggest OWNER TO reporting;
GRANT SELECT ON biggest TO application;
GRANT SELECT ON big_orders TO application;
-- migration
ALTER TABLE orders ALTER COLUMN total TYPE bigint, ALTER COLUMN id TYPE bigint;
-- as-written
DROP VIEW pairs;
DROP VIEW biggest;
DROP VIEW big_orders;
ALTER TABLE orders ALTER COLUMN total TYPE bigint, ALTER COLUMN id TYPE bigint;
CREATE VIEW big_orders WITH (security_barrier = true) AS SELECT o.id, o.total, c.name FROM orders AS o LEFT JOIN clients AS c ON c.id = o.id WHERE o.total > 10;
CREATE VIEW biggest AS SELECT id, total * 2 AS twice FROM big_orders WHERE total > 100;
CREATE VIEW pairs AS SELECT b.id, g.twice FROM big_orders AS b JOIN biggest AS g USING (id);
COMMENT ON VIEW big_orders IS 'worth a look';
COMMENT ON COLUMN big_orders.total IS 'in cents';
GRANT SELECT ON big_orders, biggest, pairs TO reporting;
GRANT SELECT, UPDATE (total) ON big_orders TO auditor WITH GRANT OPTION;
ALTER VIEW biggest OWNER TO reporting;
GRANT SELECT, INSERT, UPDATE, DELETE ON big_orders, biggest, pairs TO application;
-- old application
SELECT count(*) >= 0 FROM big_orders WHERE id = :id;
SELECT count(*) >= 0 FROM biggest;
UPDATE orders SET total = :n WHERE id = :id;
INSERT INTO orders (id, total) VALUES (:fresh, :n);
-- new application
SELECT count(*) >= 0 FROM big_orders WHERE id = :id;
UPDATE orders SET total = total + 1 WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM orders WHERE total IS NULL;
