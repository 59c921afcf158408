-- case: type_views_privileges
-- shows: what is made anew is open to exactly those to whom it was: default privileges, what the owner took from itself, grants passed on, every kind of privilege
-- expect note: column-order
-- setup
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total int NOT NULL, state text);
INSERT INTO orders (total, state) SELECT i, 's' || i % 7 FROM generate_series(1, 600) AS i;
CREATE VIEW bare AS SELECT id, total FROM orders;
CREATE VIEW "Every" AS SELECT id, total, state FROM orders;
CREATE VIEW locked AS SELECT id, total FROM orders WHERE total > 5;
CREATE VIEW shut AS SELECT total FROM orders;
CREATE MATERIALIZED VIEW sums AS SELECT state, sum(total) AS total FROM orders GROUP BY state;
CREATE MATERIALIZED VIEW passed_on AS SELECT state, min(total) AS least FROM orders GROUP BY state;
GRANT ALL ON "Every" TO reporting;
GRANT TRUNCATE, TRIGGER ON bare TO auditor WITH GRANT OPTION;
GRANT REFERENCES (total), SELECT (id) ON bare TO auditor;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON locked FROM CURRENT_USER;
REVOKE ALL ON shut FROM CURRENT_USER;
GRANT SELECT ON locked TO reporting WITH GRANT OPTION;
GRANT SELECT ON passed_on TO reporting WITH GRANT OPTION;
GRANT USAGE ON SEQUENCE orders_id_seq TO auditor;
SET ROLE reporting;
GRANT SELECT ON locked TO auditor;
GRANT SELECT ON passed_on TO auditor, PUBLIC;
RESET ROLE;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reporting WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT UPDATE ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO reporting;
-- migration
ALTER TABLE orders ALTER COLUMN total TYPE bigint, ALTER COLUMN id TYPE bigint;
-- as-written
DROP VIEW bare, "Every", locked, shut;
DROP MATERIALIZED VIEW sums, passed_on;
ALTER TABLE orders ALTER COLUMN total TYPE bigint, ALTER COLUMN id TYPE bigint;
CREATE VIEW bare AS SELECT id, total FROM orders;
CREATE VIEW "Every" AS SELECT id, total, state FROM orders;
CREATE VIEW locked AS SELECT id, total FROM orders WHERE total > 5;
CREATE VIEW shut AS SELECT total FROM orders;
CREATE MATERIALIZED VIEW sums AS SELECT state, sum(total) AS total FROM orders GROUP BY state;
CREATE MATERIALIZED VIEW passed_on AS SELECT state, min(total) AS least FROM orders GROUP BY state;
REVOKE ALL ON bare, "Every", locked, shut, sums, passed_on FROM reporting, PUBLIC;
GRANT ALL ON "Every" TO reporting;
GRANT TRUNCATE, TRIGGER ON bare TO auditor WITH GRANT OPTION;
GRANT REFERENCES (total), SELECT (id) ON bare TO auditor;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON locked FROM CURRENT_USER;
REVOKE ALL ON shut FROM CURRENT_USER;
GRANT SELECT ON locked TO reporting WITH GRANT OPTION;
GRANT SELECT ON passed_on TO reporting WITH GRANT OPTION;
SET ROLE reporting;
GRANT SELECT ON locked TO auditor;
GRANT SELECT ON passed_on TO auditor, PUBLIC;
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON bare, "Every", locked, shut, sums, passed_on TO application;
-- old application
SELECT count(*) >= 0 FROM bare WHERE id = :id;
UPDATE orders SET total = :n WHERE id = :id;
-- new application
SELECT count(*) >= 0 FROM locked WHERE id = :id;
INSERT INTO orders (total) VALUES (:n);
