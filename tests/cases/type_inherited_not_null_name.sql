-- case: type_inherited_not_null_name
-- shows: NOT NULL of inheritance children with names of their own, where PostgreSQL refuses the change as written: that of the table above with the new type, and their own back with a rollback
-- servers: 18
-- expect note: inheritance
-- setup
CREATE TABLE a (id int, v int);
CREATE TABLE c (n text) INHERITS (a);
CREATE TABLE e () INHERITS (a);
CREATE TABLE "D" () INHERITS (e);
ALTER TABLE c ALTER COLUMN v SET NOT NULL;
ALTER TABLE a ADD CONSTRAINT "Known" NOT NULL v;
INSERT INTO a SELECT i, i FROM generate_series(1, 200) AS i;
INSERT INTO c SELECT i, i FROM generate_series(201, 400) AS i;
INSERT INTO "D" SELECT i, i FROM generate_series(401, 600) AS i;
-- migration
ALTER TABLE a ALTER COLUMN v TYPE bigint;
-- as-written
ALTER TABLE a DROP CONSTRAINT "Known";
ALTER TABLE c ALTER COLUMN v DROP NOT NULL;
ALTER TABLE a ALTER COLUMN v TYPE bigint;
ALTER TABLE a ADD CONSTRAINT "Known" NOT NULL v;
-- old application
UPDATE a SET v = v + 1 WHERE id = :id;
-- new application
INSERT INTO c (id, v) VALUES (:fresh, :n);
