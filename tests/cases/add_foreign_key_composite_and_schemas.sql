-- case: add_foreign_key_composite_and_schemas
-- shows: composite keys, another schema, a cycle of two tables, and a key that stays NOT VALID
-- setup
CREATE SCHEMA sales;
CREATE SCHEMA "Hr";
CREATE TABLE "Hr".offices (country text, city text, head bigint, PRIMARY KEY (country, city));
INSERT INTO "Hr".offices SELECT 'c' || i % 5, 'town ' || i, i FROM generate_series(1, 50) AS i;
CREATE TABLE sales.agents (id bigint PRIMARY KEY, country text, city text, mentor bigint);
INSERT INTO sales.agents SELECT i, 'c' || (1 + i % 50) % 5, 'town ' || 1 + i % 50, i FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE sales.agents ADD CONSTRAINT works_at FOREIGN KEY (country, city) REFERENCES "Hr".offices (country, city) MATCH FULL;
ALTER TABLE "Hr".offices ADD FOREIGN KEY (head) REFERENCES sales.agents;
ALTER TABLE sales.agents ADD CONSTRAINT has_mentor FOREIGN KEY (mentor) REFERENCES sales.agents (id) NOT VALID;
-- old application
UPDATE sales.agents SET mentor = :id WHERE id = :id;
UPDATE "Hr".offices SET head = :id WHERE city = 'town ' || 1 + :n % 50;
-- new application
INSERT INTO sales.agents (id, mentor) VALUES (:fresh, :id);
SELECT country, city FROM sales.agents WHERE id = :id;
