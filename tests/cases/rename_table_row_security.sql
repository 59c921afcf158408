-- case: rename_table_row_security
-- shows: a renamed table with row security: whoever writes through the old name is held to the same policies
-- servers: 15+
-- setup
CREATE TABLE mine (id bigint PRIMARY KEY, tenant text NOT NULL DEFAULT current_user, body text);
INSERT INTO mine SELECT i, CASE WHEN i % 2 = 0 THEN 'application' ELSE 'somebody' END, 'body ' || i FROM generate_series(1, 400) AS i;
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON mine USING (tenant = current_user) WITH CHECK (tenant = current_user);
CREATE POLICY auditor_reads ON mine FOR SELECT TO auditor USING (true);
-- migration
ALTER TABLE mine RENAME TO "Ours";
-- old application
INSERT INTO mine (id, body) VALUES (:fresh, :s);
UPDATE mine SET body = :s WHERE id = :id;
SELECT count(*) = 0 FROM mine WHERE tenant <> 'application';
DELETE FROM mine WHERE id = 250 + :id;
-- new application
INSERT INTO "Ours" (id, body) VALUES (:fresh, :s);
SELECT count(*) = 0 FROM "Ours" WHERE tenant <> 'application';
-- agree
SELECT count(*) = 200 FROM "Ours" WHERE tenant = 'somebody';
