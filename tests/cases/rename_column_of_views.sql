-- case: rename_column_of_views
-- shows: columns that views and materialized views read are renamed by a second column; what the views show keeps its names, and what hangs on them stays
-- expect note: column-order
-- setup
CREATE TABLE orders (id int PRIMARY KEY, "Total" int NOT NULL DEFAULT 5, state text, client int);
INSERT INTO orders SELECT i, i, 'new', i % 7 FROM generate_series(1, 400) AS i;
CREATE TABLE clients (id int PRIMARY KEY, "Total" int, name text);
INSERT INTO clients SELECT i, i, 'c' || i FROM generate_series(0, 6) AS i;
CREATE VIEW big_orders WITH (security_barrier = true) AS SELECT o.id, o."Total", c.name FROM orders AS o LEFT JOIN clients AS c ON c.id = o.client WHERE o."Total" > 10 AND c."Total" < 100;
CREATE VIEW biggest AS SELECT id, "Total" * 2 AS twice FROM big_orders WHERE "Total" > 100;
CREATE VIEW "Open orders" AS SELECT id, "Total", state FROM orders WHERE state <> 'done' AND id > 0 WITH LOCAL CHECK OPTION;
ALTER VIEW "Open orders" ALTER COLUMN "Total" SET DEFAULT 17;
CREATE VIEW per_state AS WITH s AS (SELECT state, sum("Total") AS "Total" FROM orders GROUP BY state) SELECT s.state, s."Total", (SELECT count(*) FROM orders AS o WHERE o."Total" > s."Total") AS above FROM s UNION ALL SELECT 'all', sum("Total"), 0 FROM orders ORDER BY "Total";
CREATE VIEW ranked AS SELECT id, "Total", row_number() OVER (PARTITION BY state ORDER BY "Total" DESC) FROM orders ORDER BY "Total", id;
CREATE MATERIALIZED VIEW sums AS SELECT client, sum("Total") AS "Total", max(id) AS id FROM orders GROUP BY client;
CREATE UNIQUE INDEX sums_client ON sums (client);
COMMENT ON MATERIALIZED VIEW sums IS 'by client';
COMMENT ON VIEW big_orders IS 'worth a look';
COMMENT ON COLUMN big_orders."Total" IS 'in cents';
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER refuse INSTEAD OF UPDATE ON big_orders FOR EACH ROW EXECUTE FUNCTION refuse();
GRANT SELECT ON big_orders, biggest, sums TO reporting;
GRANT SELECT, UPDATE ("Total") ON "Open orders" TO auditor WITH GRANT OPTION;
ALTER VIEW "Open orders" OWNER TO reporting;
GRANT SELECT ("Total", id), UPDATE ("Total"), INSERT ON orders TO reporting;
GRANT SELECT ON orders TO reporting;
GRANT SELECT, INSERT, UPDATE ON "Open orders" TO application;
-- migration
-- airlock: rename dual-column
ALTER TABLE orders RENAME COLUMN id TO "Order no";
-- airlock: rename dual-column
ALTER TABLE orders RENAME COLUMN "Total" TO amount;
-- old application
SELECT count(*) >= 0 FROM big_orders WHERE id = :id;
SELECT count(*) >= 0 FROM biggest;
SELECT count(*) >= 0 FROM per_state WHERE "Total" > :n;
SELECT count(*) >= 0 FROM sums WHERE "Total" > :n;
UPDATE "Open orders" SET "Total" = :n WHERE id = :id RETURNING "Total" = :n;
INSERT INTO orders (id, "Total", state) VALUES (:fresh, :n, 'new');
UPDATE orders SET "Total" = "Total" + 1 WHERE id = :id;
-- new application
SELECT count(*) >= 0 FROM big_orders WHERE id = :id;
INSERT INTO "Open orders" (id, state) VALUES (:fresh, 'new') RETURNING "Total" = 17;
UPDATE orders SET amount = :n WHERE "Order no" = :id RETURNING amount = :n;
INSERT INTO orders ("Order no", state) VALUES (:fresh, 'x') RETURNING amount = 5;
-- agree at gate
SELECT NOT EXISTS (SELECT FROM orders WHERE amount IS DISTINCT FROM "Total" OR "Order no" IS DISTINCT FROM id);
