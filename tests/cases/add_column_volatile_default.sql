-- case: add_column_volatile_default
-- shows: a volatile default would rewrite the table: new rows get it at once, old rows in batches
-- volatile: tickets.token
-- setup
CREATE TABLE tickets (id bigint PRIMARY KEY, holder text);
INSERT INTO tickets SELECT i, repeat('holder ', 1 + i % 20) FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE tickets ADD COLUMN token uuid DEFAULT gen_random_uuid();
-- old application
INSERT INTO tickets (id, holder) VALUES (:fresh, :s);
UPDATE tickets SET holder = :s WHERE id = :id RETURNING holder = :s;
-- new application
INSERT INTO tickets (id, holder, token) VALUES (:fresh, :s, gen_random_uuid());
SELECT token FROM tickets WHERE id = :id;
-- agree
SELECT count(*) = count(DISTINCT token) FROM tickets;
