-- case: three_steps_where_null
-- shows: the three steps with WHERE column IS NULL, as careful people write them, qualified and in another schema
-- setup
CREATE SCHEMA billing;
CREATE TABLE billing.customers (id bigint PRIMARY KEY, name text NOT NULL, country text);
INSERT INTO billing.customers SELECT i, 'customer ' || i, CASE WHEN i % 3 = 0 THEN 'no' END FROM generate_series(1, 700) AS i;
-- migration
ALTER TABLE billing.customers ADD COLUMN currency text;
UPDATE billing.customers AS c SET currency = CASE WHEN c.country = 'no' THEN 'NOK' ELSE 'EUR' END WHERE c.currency IS NULL;
ALTER TABLE billing.customers ALTER currency SET NOT NULL;
-- old application
INSERT INTO billing.customers (id, name, country) VALUES (:fresh, :s, 'no');
INSERT INTO billing.customers (id, name) VALUES (:fresh, :s);
UPDATE billing.customers SET name = :s WHERE id = :id RETURNING name = :s;
-- new application
INSERT INTO billing.customers (id, name, currency) VALUES (:fresh, :s, 'USD');
UPDATE billing.customers SET currency = 'SEK' WHERE id = :id RETURNING currency = 'SEK';
-- agree
SELECT bool_and(currency IN ('NOK', 'EUR', 'USD', 'SEK')) FROM billing.customers;
