-- case: type_self_reference
-- servers: 15+
-- shows: a table that refers to itself, foreign keys in a cycle, a composite key, a table without any key
-- expect note: column-order
-- setup
CREATE TABLE staff (company int, id int, boss int, office int, PRIMARY KEY (company, id));
INSERT INTO staff SELECT i % 3, i, CASE WHEN i > 3 THEN i - 3 END, NULL FROM generate_series(1, 450) AS i;
ALTER TABLE staff ADD CONSTRAINT has_boss FOREIGN KEY (company, boss) REFERENCES staff (company, id) ON DELETE SET NULL (boss);
CREATE TABLE offices (id int UNIQUE, company int NOT NULL, head int);
INSERT INTO offices SELECT i, i % 3, i FROM generate_series(1, 90) AS i;
ALTER TABLE offices ADD CONSTRAINT has_head FOREIGN KEY (company, head) REFERENCES staff MATCH FULL DEFERRABLE;
ALTER TABLE staff ADD CONSTRAINT has_office FOREIGN KEY (office) REFERENCES offices (id);
UPDATE staff SET office = 1 + id % 90;
CREATE TABLE visits (staff_id int, at int);
INSERT INTO visits SELECT i % 450, i FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE staff ALTER COLUMN id TYPE bigint, ALTER COLUMN boss TYPE bigint, ALTER COLUMN office TYPE bigint;
ALTER TABLE offices ALTER COLUMN id TYPE bigint;
ALTER TABLE visits ALTER COLUMN staff_id TYPE bigint;
-- old application
UPDATE staff SET boss = NULL WHERE id = :id;
UPDATE staff SET office = 1 + :n % 90 WHERE id = :id + 100;
INSERT INTO staff (company, id) VALUES (1, :fresh);
INSERT INTO visits (staff_id, at) VALUES (:n, 1);
UPDATE offices SET head = NULL, company = 1 WHERE id = 1 + :n % 90 AND false;
-- new application
UPDATE visits SET at = :n WHERE staff_id = :id;
UPDATE staff SET office = NULL WHERE id = :id;
