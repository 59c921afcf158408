-- case: replace_key_and_column
-- shows: a primary key gives way to another one, and its column goes: the table is never without a key, whatever the order of the statements
-- expect note: application
-- volatile: one.uid, two.k2, four.uid, five.id
-- new application starts: at the gate
-- setup
CREATE TABLE one (id int PRIMARY KEY, a text);
CREATE TABLE two (id int PRIMARY KEY, a text);
CREATE TABLE three (id int PRIMARY KEY, a int NOT NULL, "B b" int);
CREATE TABLE four (id int, tenant int, a text, CONSTRAINT "Four key" PRIMARY KEY (tenant, id), CONSTRAINT one_a UNIQUE (a, id));
INSERT INTO one SELECT g, 'a' || g FROM generate_series(1, 400) AS g;
INSERT INTO two SELECT g, 'a' || g FROM generate_series(1, 400) AS g;
INSERT INTO three SELECT g, 1000 - g, g FROM generate_series(1, 400) AS g;
INSERT INTO four SELECT g, g % 3, 'a' || g FROM generate_series(1, 400) AS g;
CREATE TABLE five (id int PRIMARY KEY, a text);
INSERT INTO five SELECT g, 'a' || g FROM generate_series(1, 400) AS g;
COMMENT ON CONSTRAINT one_a ON four IS 'before';
-- migration
ALTER TABLE one DROP CONSTRAINT one_pkey;
ALTER TABLE one ADD COLUMN uid uuid DEFAULT gen_random_uuid();
ALTER TABLE one ADD PRIMARY KEY (uid);
ALTER TABLE one DROP COLUMN id;
ALTER TABLE two DROP CONSTRAINT two_pkey;
ALTER TABLE two ADD COLUMN k2 int GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
ALTER TABLE two DROP COLUMN id;
ALTER TABLE three DROP CONSTRAINT three_pkey, DROP COLUMN id;
ALTER TABLE three DROP COLUMN "B b";
ALTER TABLE three ADD PRIMARY KEY (a);
ALTER TABLE four ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE four DROP COLUMN id, ADD PRIMARY KEY (uid);
ALTER TABLE four ADD CONSTRAINT one_a UNIQUE (a, tenant);
ALTER TABLE five DROP CONSTRAINT five_pkey, DROP COLUMN id;
ALTER TABLE five ADD COLUMN id uuid DEFAULT gen_random_uuid();
ALTER TABLE five ADD PRIMARY KEY (id);
-- old application
INSERT INTO one (id, a) VALUES (:fresh, :s);
UPDATE one SET a = :s WHERE id = :id;
INSERT INTO two (id, a) VALUES (:fresh, :s);
INSERT INTO three (id, a) VALUES (:fresh, 1000 + :fresh);
INSERT INTO four (id, tenant, a) VALUES (:fresh, 2, 'fresh ' || :fresh);
-- new application
UPDATE one SET a = :s WHERE a = 'a' || :id;
SELECT count(*) <= 1 FROM three WHERE a = 1000 - :id;
