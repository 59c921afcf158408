-- case: refresh_view
-- shows: REFRESH MATERIALIZED VIEW goes CONCURRENTLY where a unique index allows it
-- rollback: schema only
-- setup
CREATE TABLE sales (id int PRIMARY KEY, shop int NOT NULL, amount int NOT NULL);
INSERT INTO sales SELECT g, g % 20, g FROM generate_series(1, 600) AS g;
CREATE MATERIALIZED VIEW "Totals" AS SELECT shop, sum(amount) AS amount FROM sales GROUP BY shop;
CREATE UNIQUE INDEX totals_shop ON "Totals" (shop);
INSERT INTO sales SELECT g, 100, g FROM generate_series(1001, 1100) AS g;
-- migration
REFRESH MATERIALIZED VIEW "Totals";
REFRESH MATERIALIZED VIEW CONCURRENTLY "Totals";
-- old application
SELECT amount FROM "Totals" WHERE shop = :id % 20;
