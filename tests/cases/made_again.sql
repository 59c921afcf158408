-- case: made_again
-- shows: a foreign key, a check, an index and a trigger that are dropped and made again under their names: the table is never without
-- setup
CREATE TABLE "Customers" (id int PRIMARY KEY, name text);
INSERT INTO "Customers" SELECT g, 'c' || g FROM generate_series(1, 50) AS g;
CREATE TABLE orders (id int PRIMARY KEY, customer int CONSTRAINT "of whom" REFERENCES "Customers", status text NOT NULL, amount int NOT NULL, country text);
ALTER TABLE orders ADD CONSTRAINT known_status CHECK (status IN ('new', 'paid'));
INSERT INTO orders SELECT g, 1 + g % 50, CASE WHEN g % 2 = 0 THEN 'new' ELSE 'paid' END, g, 'x' || g % 5 FROM generate_series(1, 600) AS g;
CREATE INDEX "By status" ON orders (status);
COMMENT ON INDEX "By status" IS 'the old one';
CREATE UNIQUE INDEX one_amount ON orders (amount);
CREATE TABLE items (id int PRIMARY KEY, of_order int CONSTRAINT of_order REFERENCES orders);
INSERT INTO items SELECT g, g FROM generate_series(1, 300) AS g;
CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY, of_order int, op text);
GRANT USAGE ON SEQUENCE audit_id_seq TO application;
CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN INSERT INTO audit (of_order, op) VALUES (coalesce(NEW.id, OLD.id), TG_OP); RETURN NULL; END$$;
CREATE TRIGGER "Audit" AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION log_it();
CREATE TRIGGER off_then_gone AFTER DELETE ON "Customers" FOR EACH ROW EXECUTE FUNCTION log_it();
ALTER TABLE "Customers" DISABLE TRIGGER off_then_gone;
COMMENT ON TRIGGER off_then_gone ON "Customers" IS 'was never used';
-- migration
ALTER TABLE orders DROP CONSTRAINT "of whom";
ALTER TABLE orders ADD CONSTRAINT "of whom" FOREIGN KEY (customer) REFERENCES "Customers" ON DELETE SET NULL DEFERRABLE;
ALTER TABLE items DROP CONSTRAINT of_order, ADD CONSTRAINT of_order FOREIGN KEY (of_order) REFERENCES orders ON DELETE CASCADE;
DROP TRIGGER "Audit" ON orders;
CREATE TRIGGER "Audit" AFTER INSERT OR UPDATE OF status, amount ON orders FOR EACH ROW EXECUTE FUNCTION log_it();
DROP TRIGGER off_then_gone ON "Customers";
ALTER TABLE orders DROP CONSTRAINT known_status;
ALTER TABLE orders ADD CONSTRAINT known_status CHECK (status IN ('new', 'paid', 'shipped'));
DROP INDEX "By status";
CREATE INDEX "By status" ON orders (status, country);
DROP INDEX one_amount;
CREATE UNIQUE INDEX one_amount ON orders (amount, country) WHERE amount > 0;
-- old application
INSERT INTO orders VALUES (:fresh, 1 + :id % 50, 'new', :fresh, 'y');
UPDATE orders SET status = 'paid' WHERE id = :id;
UPDATE orders SET country = :s WHERE id = :id;
-- new application
INSERT INTO orders VALUES (:fresh, 1 + :id % 50, 'shipped', :fresh, 'z');
UPDATE orders SET status = 'shipped' WHERE id = :id;
-- agree at gate
SELECT count(*) = 0 FROM orders WHERE id > 600 AND country = 'z' AND NOT EXISTS (SELECT FROM audit WHERE of_order = orders.id AND op = 'INSERT');
-- agree
SELECT count(*) = 0 FROM orders WHERE status = 'shipped' AND NOT EXISTS (SELECT FROM audit WHERE of_order = orders.id);
