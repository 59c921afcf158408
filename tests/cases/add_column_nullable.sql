-- case: add_column_nullable
-- shows: a nullable column is brief as written; IF NOT EXISTS finds one column and misses another
-- setup
CREATE TABLE accounts (id bigint PRIMARY KEY, name text NOT NULL, balance int NOT NULL DEFAULT 0);
INSERT INTO accounts SELECT i, 'account ' || i, i % 50 FROM generate_series(1, 400) AS i;
-- migration
ALTER TABLE accounts ADD COLUMN nickname text;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS name text;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS score numeric(8, 2);
-- old application
SELECT id, name, balance FROM accounts WHERE id = :id;
UPDATE accounts SET balance = balance + :n WHERE id = :id;
INSERT INTO accounts (id, name) VALUES (:fresh, :s);
-- new application
SELECT nickname, score FROM accounts WHERE id = :id;
UPDATE accounts SET nickname = :s, score = :n WHERE id = :id RETURNING nickname = :s;
INSERT INTO accounts (id, name, nickname) VALUES (:fresh, :s, :s);
-- agree
SELECT count(*) > 0 FROM accounts WHERE nickname IS NOT NULL;
