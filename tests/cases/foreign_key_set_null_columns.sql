-- case: foreign_key_set_null_columns
-- shows: the columns that ON DELETE SET NULL names are named by the key that takes the place, whatever their names need
-- servers: 15+
-- setup
CREATE TABLE owners (tenant int, "ownerId" int, PRIMARY KEY (tenant, "ownerId"));
INSERT INTO owners SELECT i % 3, i FROM generate_series(1, 300) AS i;
CREATE TABLE things (id int PRIMARY KEY, tenant int NOT NULL, "Tenant" int, "ownerId" int, "it's ""odd" int);
INSERT INTO things SELECT i, i % 3, i % 3, i, i FROM generate_series(1, 300) AS i;
ALTER TABLE things ADD CONSTRAINT "Old" FOREIGN KEY (tenant, "it's ""odd") REFERENCES owners ON DELETE SET NULL ("it's ""odd");
CREATE INDEX ON things ("Tenant", "ownerId");
CREATE INDEX ON things (tenant, "ownerId");
-- migration
ALTER TABLE things ADD CONSTRAINT one FOREIGN KEY (tenant, "ownerId") REFERENCES owners ON DELETE SET NULL ("ownerId");
ALTER TABLE things ADD CONSTRAINT two FOREIGN KEY ("Tenant", "ownerId") REFERENCES owners ON DELETE SET DEFAULT ("Tenant");
ALTER TABLE owners ALTER COLUMN "ownerId" TYPE bigint;
ALTER TABLE things ALTER COLUMN "it's ""odd" TYPE bigint;
-- old application
INSERT INTO things (id, tenant) VALUES (:fresh, 1);
-- new application
UPDATE things SET "ownerId" = NULL WHERE id = :id;
-- new application from gate
DELETE FROM owners WHERE "ownerId" = :id;
