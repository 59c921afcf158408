-- case: add_column_identity_always
-- shows: GENERATED ALWAYS AS IDENTITY with options of its sequence; the application never needs a privilege on it
-- volatile: tickets.number
-- setup
CREATE TABLE tickets (code text PRIMARY KEY, seats int NOT NULL);
INSERT INTO tickets SELECT 'c' || i, i % 5 FROM generate_series(1, 700) AS i;
-- migration
ALTER TABLE tickets ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY (START WITH 1000 INCREMENT BY 5 CACHE 1) UNIQUE;
-- old application
INSERT INTO tickets (code, seats) VALUES ('f' || :fresh, :n);
UPDATE tickets SET seats = :n WHERE code = 'c' || :id;
UPDATE tickets SET code = code WHERE code = (SELECT code FROM tickets WHERE seats = :n LIMIT 1 FOR UPDATE SKIP LOCKED);
-- new application
INSERT INTO tickets (code, seats) VALUES ('f' || :fresh, :n) RETURNING number IS NOT NULL;
SELECT number FROM tickets WHERE code = 'c' || :id;
-- agree at gate
SELECT count(*) = count(DISTINCT number) AND bool_and(number % 5 = 0 AND number >= 1000) FROM tickets;
-- agree
SELECT count(*) = count(DISTINCT number) AND bool_and(number % 5 = 0 AND number >= 1000) FROM tickets;
