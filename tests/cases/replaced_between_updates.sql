-- case: replaced_between_updates
-- shows: a function, a view, a trigger function and a sequence that are replaced after a change of rows are not used by it
-- rollback: incomplete
-- volatile: k.id
-- setup
CREATE TABLE t (id int PRIMARY KEY, a int, b text);
INSERT INTO t SELECT i, i % 9, 'b' || i FROM generate_series(1, 300) AS i;
CREATE TABLE k (id bigserial PRIMARY KEY, note text, late boolean GENERATED ALWAYS AS (id >= 5000) STORED);
CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
CREATE FUNCTION g(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN f(i); END';
CREATE VIEW factor AS SELECT 10 AS by;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NEW.b || '-old'; RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stamp();
-- migration
ALTER TABLE t ADD COLUMN c int;
-- airlock: allow unbatched "few rows"
UPDATE t SET c = g(a) * (SELECT by FROM factor);
INSERT INTO k (note) VALUES ('before');
CREATE OR REPLACE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 100';
CREATE OR REPLACE VIEW factor AS SELECT 1000 AS by;
CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NEW.b || '-new'; RETURN NEW; END $$;
ALTER SEQUENCE k_id_seq RESTART WITH 5000;
ALTER TABLE t ADD COLUMN d int;
-- airlock: allow unbatched "few rows"
UPDATE t SET d = g(a) * (SELECT by FROM factor) WHERE id < 100;
INSERT INTO k (note) VALUES ('after');
CREATE TABLE made AS SELECT g(1) AS one, by FROM factor;
ALTER TABLE k ADD COLUMN number int DEFAULT g(7);
ALTER FUNCTION f(int) COST 7;
