-- case: add_column_stored_by_trigger
-- shows: a stored generated column as a plain one that a trigger computes, behind the application's own triggers
-- expect note: application
-- setup
CREATE TABLE lines (id bigint PRIMARY KEY, price int NOT NULL, qty int NOT NULL);
INSERT INTO lines SELECT i, i % 90, i % 7 FROM generate_series(1, 700) AS i;
CREATE FUNCTION least_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.qty := greatest(NEW.qty, 1); RETURN NEW; END $$;
CREATE TRIGGER least_one BEFORE INSERT OR UPDATE ON lines FOR EACH ROW EXECUTE FUNCTION least_one();
-- migration
-- airlock: stored trigger
ALTER TABLE lines ADD COLUMN total bigint GENERATED ALWAYS AS (price * qty) STORED NOT NULL CHECK (total >= 0);
CREATE INDEX ON lines (total);
-- as-written
ALTER TABLE lines ADD COLUMN total bigint;
CREATE FUNCTION lines_total_generated() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $airlock$
#variable_conflict use_column
BEGIN
  NEW.total := (SELECT CAST((price * qty) AS bigint) FROM (SELECT NEW.*) AS lines);
  RETURN NEW;
END
$airlock$;
CREATE TRIGGER "~lines_total_generated" BEFORE INSERT OR UPDATE ON lines FOR EACH ROW EXECUTE FUNCTION lines_total_generated();
SET session_replication_role = replica;
UPDATE lines SET total = price * qty;
SET session_replication_role = origin;
ALTER TABLE lines ALTER COLUMN total SET NOT NULL;
ALTER TABLE lines ADD CHECK (total >= 0);
CREATE INDEX ON lines (total);
-- old application
INSERT INTO lines (id, price, qty) VALUES (:fresh, :n, :n % 4);
UPDATE lines SET price = :n WHERE id = :id;
UPDATE lines SET qty = 0 WHERE id = :id;
DELETE FROM lines WHERE id = :n;
-- new application
INSERT INTO lines (id, price, qty) VALUES (:fresh, :n, 3) RETURNING total = :n * 3;
UPDATE lines SET price = :n WHERE id = :id RETURNING total = price * qty;
-- agree at gate
SELECT count(*) = 0 FROM lines WHERE total IS DISTINCT FROM price * qty;
-- agree
SELECT count(*) = 0 FROM lines WHERE total IS DISTINCT FROM price * qty;
