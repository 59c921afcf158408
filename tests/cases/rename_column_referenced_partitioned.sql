-- case: rename_column_referenced_partitioned
-- shows: a key column of a partitioned table that a foreign key points to is renamed by a second column; the key changes hands in contract
-- expect note: column-order
-- setup
CREATE TABLE accounts (id int NOT NULL, day date NOT NULL, name text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE accounts_1 PARTITION OF accounts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE accounts_2 PARTITION OF accounts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE bookings (id int PRIMARY KEY, account int, day date, CONSTRAINT "of account" FOREIGN KEY (account, day) REFERENCES accounts (id, day) ON DELETE CASCADE);
COMMENT ON CONSTRAINT "of account" ON bookings IS 'whose';
INSERT INTO accounts SELECT i, '2026-01-01'::date + i % 50, 'a' || i FROM generate_series(1, 400) AS i;
INSERT INTO bookings SELECT id, id, day FROM accounts;
-- migration
-- airlock: rename dual-column
ALTER TABLE accounts RENAME COLUMN id TO "Account no";
-- old application
INSERT INTO bookings SELECT :fresh, id, day FROM accounts WHERE id = :id;
UPDATE accounts SET name = :s WHERE id = :id RETURNING name = :s;
-- new application
INSERT INTO bookings SELECT :fresh, "Account no", day FROM accounts WHERE "Account no" = :id;
INSERT INTO accounts ("Account no", day) VALUES (100000 + :fresh, '2026-01-05') ON CONFLICT DO NOTHING;
-- agree at gate
SELECT NOT EXISTS (SELECT FROM accounts WHERE id IS DISTINCT FROM "Account no");
