-- case: drop_table_cascade
-- shows: everything that CASCADE reaches is listed and goes: incoming foreign keys one by one, views on views
-- setup
CREATE TABLE plans (id int PRIMARY KEY, name text);
INSERT INTO plans SELECT i, 'plan ' || i FROM generate_series(0, 9) AS i;
CREATE TABLE subscriptions (id bigint PRIMARY KEY, plan_id int CONSTRAINT has_plan REFERENCES plans);
INSERT INTO subscriptions SELECT i, i % 10 FROM generate_series(1, 300) AS i;
CREATE TABLE trials (id bigint PRIMARY KEY, plan_id int REFERENCES plans (id));
CREATE VIEW plan_names AS SELECT id, name FROM plans;
CREATE VIEW subscribed AS SELECT s.id, p.name FROM subscriptions AS s JOIN plan_names AS p ON p.id = s.plan_id;
-- migration
DROP TABLE plans CASCADE;
-- old application
INSERT INTO subscriptions (id, plan_id) VALUES (:fresh, :n % 10);
SELECT name FROM subscribed WHERE id = :id;
UPDATE plans SET name = :s WHERE id = :n % 10;
-- new application
INSERT INTO subscriptions (id) VALUES (:fresh);
SELECT plan_id FROM subscriptions WHERE id = :id;
