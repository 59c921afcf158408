-- case: replace_key
-- shows: a primary key that gives way to another, by a new identity column, by a unique index that is there, in one statement and in two
-- shows: a foreign key that names no column refers to the new primary key, not to the old one
-- shows: a unique constraint that is made again under its name with more columns
-- volatile: lines.id
-- new application starts: at the gate
-- setup
CREATE TABLE lines ("Order" int NOT NULL, line int NOT NULL, qty int NOT NULL, CONSTRAINT "Lines key" PRIMARY KEY ("Order", line));
INSERT INTO lines SELECT g, 1 + g % 3, g FROM generate_series(1, 500) AS g;
CREATE TABLE codes (id int PRIMARY KEY, code text NOT NULL, country text NOT NULL, CONSTRAINT one_code UNIQUE (code));
INSERT INTO codes SELECT g, 'c' || g, 'x' || g % 5 FROM generate_series(1, 300) AS g;
COMMENT ON CONSTRAINT one_code ON codes IS 'before';
CREATE TABLE pairs (a int, b int NOT NULL, note text, CONSTRAINT pairs_pkey PRIMARY KEY (b, a));
INSERT INTO pairs SELECT g, g % 7, 'n' || g FROM generate_series(1, 300) AS g;
CREATE TABLE named (id bigint NOT NULL, other bigint NOT NULL PRIMARY KEY);
INSERT INTO named SELECT g, 1000 - g FROM generate_series(1, 300) AS g;
CREATE TABLE marks (n int PRIMARY KEY, of_named bigint);
INSERT INTO marks SELECT g, g FROM generate_series(1, 200) AS g;
CREATE TABLE nothing_yet (a int PRIMARY KEY, b int);
-- migration
ALTER TABLE lines DROP CONSTRAINT "Lines key";
ALTER TABLE lines ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE lines ADD CONSTRAINT "Lines key" PRIMARY KEY (id);
CREATE UNIQUE INDEX "Order and line" ON lines ("Order", line);
ALTER TABLE codes DROP CONSTRAINT one_code;
ALTER TABLE codes ADD CONSTRAINT one_code UNIQUE (code, country) DEFERRABLE;
ALTER TABLE pairs DROP CONSTRAINT pairs_pkey, ADD PRIMARY KEY (a, b);
CREATE UNIQUE INDEX by_id ON named (id);
ALTER TABLE named DROP CONSTRAINT named_pkey;
ALTER TABLE named ADD CONSTRAINT named_key PRIMARY KEY USING INDEX by_id;
ALTER TABLE marks ADD CONSTRAINT of_named FOREIGN KEY (of_named) REFERENCES named;
ALTER TABLE nothing_yet DROP CONSTRAINT nothing_yet_pkey;
ALTER TABLE nothing_yet ADD PRIMARY KEY (b);
-- old application
INSERT INTO lines ("Order", line, qty) VALUES (:fresh, 9, 1) ON CONFLICT ("Order", line) DO NOTHING;
UPDATE lines SET qty = :n WHERE "Order" = :id;
INSERT INTO codes VALUES (:fresh, 'fresh ' || :fresh, 'y') ON CONFLICT (code) DO NOTHING;
UPDATE pairs SET note = :s WHERE a = :id;
UPDATE named SET id = id WHERE other = 1000 - :id;
-- new application
INSERT INTO lines ("Order", line, qty) VALUES (:fresh, 8, 1) ON CONFLICT ("Order", line) DO NOTHING;
INSERT INTO codes VALUES (:fresh, 'new ' || :fresh, 'z');
SELECT note FROM pairs WHERE a = :id;
SELECT other FROM named WHERE id = :id;
