-- case: rename_column_inherited
-- shows: columns of a table with inheritance children, grandchildren and a child of two of them are renamed by a second column in all
-- expect note: column-order
-- setup
CREATE TABLE owners (id int PRIMARY KEY);
INSERT INTO owners SELECT generate_series(1, 200);
CREATE SEQUENCE "Car ids" AS int START 100001;
CREATE TABLE assets (id int PRIMARY KEY, "Owner" int REFERENCES owners, value int NOT NULL DEFAULT 1 CONSTRAINT positive CHECK (value > 0), label text, CONSTRAINT "Not here" CHECK (value < 1000000) NO INHERIT);
CREATE TABLE marks (mark text);
CREATE TABLE cars (wheels int, UNIQUE (id)) INHERITS (assets);
CREATE TABLE "Trucks" (load int CHECK (load < value + 1000)) INHERITS (cars);
CREATE TABLE houses (rooms int) INHERITS (assets, marks);
CREATE TABLE homes_on_wheels (berths int) INHERITS (cars, houses);
ALTER SEQUENCE "Car ids" OWNED BY cars.id;
ALTER TABLE ONLY cars ALTER COLUMN id SET DEFAULT nextval('"Car ids"');
ALTER TABLE cars ADD FOREIGN KEY ("Owner") REFERENCES owners (id);
ALTER TABLE ONLY cars ALTER COLUMN value SET DEFAULT 4;
ALTER TABLE ONLY cars ALTER COLUMN value SET STATISTICS 500;
ALTER TABLE houses ALTER COLUMN "Owner" SET NOT NULL;
ALTER TABLE houses ALTER COLUMN value DROP DEFAULT;
CREATE UNIQUE INDEX trucks_id ON "Trucks" (id);
CREATE INDEX "House worth" ON houses (value DESC) INCLUDE ("Owner") WHERE "Owner" > 3;
CREATE INDEX ON assets (lower(label), value);
CREATE STATISTICS houses_stat ON value, "Owner" FROM houses;
COMMENT ON COLUMN assets.value IS 'euros';
COMMENT ON COLUMN houses.value IS 'thousands';
COMMENT ON CONSTRAINT positive ON assets IS 'nothing is worthless';
GRANT SELECT (value), UPDATE (value) ON assets TO reporting;
GRANT UPDATE (value) ON "Trucks" TO auditor;
CREATE FUNCTION trim_label() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.label := rtrim(NEW.label); RETURN NEW; END $$;
CREATE TRIGGER trim_label BEFORE INSERT OR UPDATE ON cars FOR EACH ROW EXECUTE FUNCTION trim_label();
INSERT INTO assets SELECT i, 1 + i % 200, i, 'a' FROM generate_series(1, 300) AS i;
INSERT INTO cars SELECT i, 1 + i % 200, i, 'c', 4 FROM generate_series(1001, 1300) AS i;
INSERT INTO "Trucks" SELECT i, NULL, i, 't', 6, 5 FROM generate_series(2001, 2300) AS i;
INSERT INTO houses (id, "Owner", value, rooms) SELECT i, 1 + i % 200, i, 6 FROM generate_series(3001, 3300) AS i;
INSERT INTO homes_on_wheels (id, "Owner", value, berths) SELECT i, 1 + i % 200, i, 2 FROM generate_series(4001, 4300) AS i;
-- migration
ALTER TABLE assets RENAME COLUMN id TO asset_id;
ALTER TABLE assets RENAME COLUMN "Owner" TO owner_id;
ALTER TABLE assets RENAME COLUMN value TO "Worth";
-- old application
INSERT INTO assets (id, "Owner") VALUES (:fresh, :id) RETURNING value = 1;
INSERT INTO cars (wheels, label) VALUES (3, 'x ') RETURNING value = 4 AND label = 'x' AND id > 100000;
INSERT INTO homes_on_wheels (id, "Owner", value, berths) VALUES (:fresh, :id, 5, 3);
UPDATE assets SET value = value + 1 WHERE id % 1000 = :id;
UPDATE houses SET "Owner" = :id WHERE id = 3000 + :id;
DELETE FROM cars WHERE id = 1200 + :id % 100;
-- new application
INSERT INTO "Trucks" (asset_id, "Worth", load) VALUES (:fresh, 50, 40) RETURNING "Worth" = 50;
INSERT INTO cars (wheels) VALUES (:n) RETURNING "Worth" = 4 AND asset_id > 100000;
INSERT INTO houses (asset_id, owner_id, "Worth") VALUES (:fresh, :id, 9) RETURNING "Worth" = 9;
UPDATE cars SET "Worth" = :n + 10 WHERE asset_id = 1000 + :id RETURNING "Worth" = :n + 10;
UPDATE assets SET owner_id = :id WHERE asset_id = 4000 + :id RETURNING owner_id = :id;
-- agree at gate
SELECT NOT EXISTS (SELECT FROM assets WHERE id IS DISTINCT FROM asset_id OR "Owner" IS DISTINCT FROM owner_id OR value IS DISTINCT FROM "Worth");
