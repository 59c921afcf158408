-- case: add_column_volatile_default_not_null
-- shows: a volatile default with NOT NULL: the constraint comes after the backfill, without a scan under a strong lock
-- volatile: tickets.token, tickets.drawn
-- setup
CREATE TABLE tickets (id bigint PRIMARY KEY, holder text);
INSERT INTO tickets SELECT i, repeat('holder ', 1 + i % 20) FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE tickets ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid(), ADD COLUMN drawn double precision DEFAULT random() NOT NULL;
-- old application
INSERT INTO tickets (id, holder) VALUES (:fresh, :s);
UPDATE tickets SET holder = :s WHERE id = :id RETURNING holder = :s;
DELETE FROM tickets WHERE id = :id;
-- new application
INSERT INTO tickets (id, holder, token) VALUES (:fresh, :s, gen_random_uuid());
UPDATE tickets SET token = gen_random_uuid() WHERE id = :id;
-- agree
SELECT count(*) = count(DISTINCT token) AND count(drawn) = count(*) FROM tickets;
