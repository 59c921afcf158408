-- case: rename_table_then_column
-- shows: a table and then a column of it renamed together, both with two names until contract
-- expect note: column-order
-- setup
CREATE TABLE stuff (id bigint PRIMARY KEY, a text NOT NULL);
INSERT INTO stuff SELECT i, 'a' || i FROM generate_series(1, 400) AS i;
CREATE INDEX stuff_a ON stuff (a);
CREATE TABLE ledger (id bigint PRIMARY KEY, a text);
INSERT INTO ledger SELECT id, a FROM stuff;
-- migration
ALTER TABLE stuff RENAME TO things;
-- airlock: rename dual-column
ALTER TABLE things RENAME COLUMN a TO z;
-- old application
WITH w AS (UPDATE stuff SET a = :s WHERE id = :id RETURNING id, a) UPDATE ledger l SET a = w.a FROM w WHERE l.id = w.id;
-- new application
WITH w AS (UPDATE things SET z = :s WHERE id = :id RETURNING id, z) UPDATE ledger l SET a = w.z FROM w WHERE l.id = w.id;
-- agree at gate
SELECT NOT EXISTS (SELECT FROM things t FULL JOIN ledger l USING (id) WHERE t.a IS DISTINCT FROM l.a);
-- agree
SELECT NOT EXISTS (SELECT FROM things t FULL JOIN ledger l USING (id) WHERE t.z IS DISTINCT FROM l.a);
