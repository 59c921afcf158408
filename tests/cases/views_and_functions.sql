-- case: views_and_functions
-- shows: new triggers, views, functions and policies run as they are, under the budget
-- setup
CREATE TABLE facts (id bigint PRIMARY KEY, body text, changed int NOT NULL DEFAULT 0);
INSERT INTO facts SELECT i, 'fact ' || i FROM generate_series(1, 300) AS i;
CREATE VIEW recent WITH (security_barrier = true) AS SELECT id FROM facts;
GRANT SELECT ON recent TO reporting;
COMMENT ON VIEW recent IS 'what''s new';
COMMENT ON COLUMN recent.id IS 'number';
-- migration
CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := OLD.changed + 1; RETURN NEW; END $$;
CREATE TRIGGER count_change BEFORE UPDATE ON facts FOR EACH ROW EXECUTE FUNCTION count_change();
CREATE OR REPLACE VIEW recent AS SELECT id, body FROM facts WHERE id > 100;
CREATE VIEW older AS SELECT id, body FROM facts WHERE id <= 100;
ALTER TABLE facts ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON facts USING (true);
DROP VIEW older;
-- old application
SELECT id FROM recent WHERE id = :id;
UPDATE facts SET body = :s WHERE id = :id;
