-- case: row_security
-- shows: row security and policies stay, and hide no row from a backfill
-- servers: 15+
-- rollback: schema only
-- setup
CREATE TABLE mine (id bigint PRIMARY KEY, tenant text NOT NULL DEFAULT current_user, body text, size int);
INSERT INTO mine SELECT i, CASE WHEN i % 2 = 0 THEN 'application' ELSE 'somebody' END, repeat('b', i % 50) FROM generate_series(1, 600) AS i;
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
ALTER TABLE mine FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON mine USING (tenant = current_user) WITH CHECK (tenant = current_user);
-- migration
UPDATE mine SET size = length(body) WHERE size IS NULL;
ALTER TABLE mine ALTER COLUMN size SET NOT NULL;
ALTER TABLE mine ADD COLUMN token uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
-- old application
INSERT INTO mine (id, body) VALUES (:fresh, :s);
UPDATE mine SET body = :s WHERE id = :id;
-- new application
INSERT INTO mine (id, body, size) VALUES (:fresh, :s, length(:s));
SELECT count(*) = 0 FROM mine WHERE tenant <> 'application';
-- agree
SELECT count(*) = 0 FROM mine WHERE size IS NULL;
