-- case: add_column_not_null_backfill
-- shows: NOT NULL without a default cannot run as written on rows; a directive gives the old rows their value
-- setup
CREATE TABLE members (id bigint PRIMARY KEY, email text NOT NULL, joined date NOT NULL);
INSERT INTO members SELECT i, 'User' || i || '@Example.org', date '2020-01-01' + i FROM generate_series(1, 800) AS i;
-- migration
-- airlock: backfill members.email_key = lower(email)
ALTER TABLE members ADD COLUMN email_key text NOT NULL;
-- as-written
ALTER TABLE members ADD COLUMN email_key text;
UPDATE members SET email_key = lower(email);
ALTER TABLE members ALTER COLUMN email_key SET NOT NULL;
-- old application
INSERT INTO members (id, email, joined) VALUES (:fresh, 'Old' || :s, current_date);
UPDATE members SET email = 'Old' || :s WHERE id = :id;
SELECT email FROM members WHERE id = :id;
-- new application
INSERT INTO members (id, email, joined, email_key) VALUES (:fresh, 'New' || :s, current_date, lower('New' || :s));
UPDATE members SET email = 'New' || :s, email_key = lower('New' || :s) WHERE id = :id;
SELECT email_key FROM members WHERE id = :id;
-- agree
SELECT count(*) = 0 FROM members WHERE email_key IS NULL;
-- agree at gate
SELECT count(*) = 0 FROM members WHERE email_key <> lower(email);
