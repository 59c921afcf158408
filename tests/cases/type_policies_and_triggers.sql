-- case: type_policies_and_triggers
-- shows: policies and triggers that name the column are taken off and put back; the application's triggers do not fire for the backfill
-- expect note: column-order
-- setup
CREATE TABLE docs (id bigint PRIMARY KEY, owner_id int NOT NULL, body text, touched int NOT NULL DEFAULT 0);
INSERT INTO docs SELECT i, i % 9, 'b' || i FROM generate_series(1, 600) AS i;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END $$;
CREATE TRIGGER on_owner BEFORE UPDATE OF owner_id ON docs FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER on_large BEFORE UPDATE ON docs FOR EACH ROW WHEN (NEW.owner_id > 500) EXECUTE FUNCTION touch();
ALTER TABLE docs DISABLE TRIGGER on_large;
CREATE TRIGGER on_body BEFORE UPDATE OF body ON docs FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON docs FOR SELECT TO application USING (owner_id >= 0);
CREATE POLICY any_write ON docs AS PERMISSIVE FOR ALL TO application USING (true) WITH CHECK (owner_id IS NOT NULL);
CREATE POLICY with_body ON docs AS RESTRICTIVE FOR DELETE TO application USING (body IS NOT NULL);
COMMENT ON POLICY own ON docs IS 'see what is there';
COMMENT ON TRIGGER on_owner ON docs IS 'counts';
-- migration
ALTER TABLE docs ALTER COLUMN owner_id TYPE bigint;
-- as-written
DROP POLICY own ON docs;
DROP POLICY any_write ON docs;
DROP TRIGGER on_owner ON docs;
DROP TRIGGER on_large ON docs;
ALTER TABLE docs ALTER COLUMN owner_id TYPE bigint;
CREATE TRIGGER on_owner BEFORE UPDATE OF owner_id ON docs FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER on_large BEFORE UPDATE ON docs FOR EACH ROW WHEN (NEW.owner_id > 500) EXECUTE FUNCTION touch();
ALTER TABLE docs DISABLE TRIGGER on_large;
CREATE POLICY own ON docs FOR SELECT TO application USING (owner_id >= 0);
CREATE POLICY any_write ON docs AS PERMISSIVE FOR ALL TO application USING (true) WITH CHECK (owner_id IS NOT NULL);
COMMENT ON POLICY own ON docs IS 'see what is there';
COMMENT ON TRIGGER on_owner ON docs IS 'counts';
-- old application
UPDATE docs SET owner_id = :n WHERE id = :id RETURNING owner_id = :n;
UPDATE docs SET body = :s WHERE id = :id;
INSERT INTO docs (id, owner_id) VALUES (:fresh, :n);
-- new application
UPDATE docs SET owner_id = :n + 5 WHERE id = :id;
SELECT count(*) >= 0 FROM docs;
