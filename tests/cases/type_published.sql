-- case: type_published
-- shows: a publication that names the column, in its list or its condition, takes the table in again with the new one
-- servers: 15+
-- expect note: application
-- setup
CREATE TABLE tickets (id int PRIMARY KEY, amount int NOT NULL, note text);
INSERT INTO tickets SELECT i, i, 'n' FROM generate_series(1, 500) AS i;
CREATE PUBLICATION "All tickets" FOR TABLE tickets (id, amount);
CREATE PUBLICATION some_tickets FOR TABLE tickets WHERE (id > 10) WITH (publish = 'insert, update');
-- migration
ALTER TABLE tickets ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;
-- as-written
DROP PUBLICATION "All tickets", some_tickets;
ALTER TABLE tickets ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;
CREATE PUBLICATION "All tickets" FOR TABLE tickets (id, amount);
CREATE PUBLICATION some_tickets FOR TABLE tickets WHERE (id > 10) WITH (publish = 'insert, update');
-- old application
INSERT INTO tickets (id, amount) VALUES (:fresh, :n);
UPDATE tickets SET amount = :n WHERE id = :id;
-- new application
INSERT INTO tickets (id, amount, note) VALUES (:fresh, :n, :s);
DELETE FROM tickets WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM tickets WHERE amount IS NULL;
