-- case: user_triggers_update
-- shows: a backfill that stands for the user's own UPDATE fires the application's triggers once a row, as that UPDATE would have
-- rollback: schema only
-- volatile: papers.updated_at, audit.id
-- setup
CREATE TABLE papers (id bigint PRIMARY KEY, pages int, updated_at timestamptz);
INSERT INTO papers SELECT i, i FROM generate_series(1, 600) AS i;
CREATE TABLE audit (id bigserial PRIMARY KEY, paper bigint, was int, is_now int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$;
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO public.audit (paper, was, is_now) VALUES (NEW.id, OLD.pages, NEW.pages); RETURN NULL; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON papers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER audit AFTER UPDATE ON papers FOR EACH ROW EXECUTE FUNCTION audit();
-- migration
UPDATE papers SET pages = 400 WHERE pages > 400;
-- old application
SELECT pages FROM papers WHERE id = :id;
-- agree
SELECT count(*) = 200 AND count(DISTINCT paper) = 200 FROM audit;
