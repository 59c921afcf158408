-- case: drop_column
-- shows: a NOT NULL column without a default is relaxed first, so that the new application may stop writing it while the old one still runs
-- setup
CREATE TABLE members (id bigint PRIMARY KEY, fax text NOT NULL, phone text);
INSERT INTO members SELECT i, 'fax ' || i, 'phone ' || i FROM generate_series(1, 500) AS i;
CREATE INDEX members_fax ON members (fax);
-- migration
ALTER TABLE members DROP COLUMN fax;
-- old application
INSERT INTO members (id, fax, phone) VALUES (:fresh, :s, :s);
UPDATE members SET fax = :s WHERE id = :id RETURNING fax = :s;
SELECT fax FROM members WHERE id = :id;
-- new application
INSERT INTO members (id, phone) VALUES (:fresh, :s);
UPDATE members SET phone = :s WHERE id = :id RETURNING phone = :s;
