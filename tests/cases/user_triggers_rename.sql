-- case: user_triggers_rename
-- shows: a copy that the engine invented fires none of the application's triggers: no touched updated_at, no audit rows
-- expect note: column-order
-- setup
CREATE TABLE papers (id bigint PRIMARY KEY, heading text, updated_at timestamptz NOT NULL DEFAULT timestamptz '2020-01-01 00:00+00');
INSERT INTO papers SELECT i, 'heading ' || i FROM generate_series(1, 600) AS i;
CREATE TABLE audit (id bigserial PRIMARY KEY, paper bigint, op text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO public.audit (paper, op) VALUES (coalesce(NEW.id, OLD.id), TG_OP); RETURN NULL; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON papers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER zz_audit AFTER INSERT OR UPDATE OR DELETE ON papers FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER statement_audit AFTER UPDATE ON papers FOR EACH STATEMENT EXECUTE FUNCTION audit();
ALTER TABLE papers DISABLE TRIGGER statement_audit;
-- migration
-- airlock: rename dual-column
ALTER TABLE papers RENAME COLUMN heading TO title;
-- old application
UPDATE papers SET heading = :s WHERE id = :id RETURNING heading = :s;
INSERT INTO papers (id, heading) VALUES (:fresh, :s);
-- new application
UPDATE papers SET title = :s WHERE id = :id RETURNING title = :s;
INSERT INTO papers (id, title) VALUES (:fresh, :s);
-- agree at gate
SELECT count(*) = 0 FROM papers WHERE heading IS DISTINCT FROM title;
-- agree
SELECT count(*) = 0 FROM papers AS p WHERE (updated_at > '2021-01-01' AND p.id <= 600) <> EXISTS (SELECT FROM audit AS a WHERE a.paper = p.id AND a.op = 'UPDATE');
