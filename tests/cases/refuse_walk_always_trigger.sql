-- case: refuse_walk_always_trigger
-- shows: a trigger that fires under each role of the session is named, and not those that are kept from firing
-- expect refusal: refused ENABLE TRIGGER "Loud"
-- setup
CREATE TABLE log (id int PRIMARY KEY, what text);
INSERT INTO log SELECT i, 'w' || i FROM generate_series(1, 50) AS i;
CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER quiet BEFORE UPDATE ON log FOR EACH ROW EXECUTE FUNCTION hear();
CREATE TRIGGER "Loud" BEFORE UPDATE ON log FOR EACH ROW EXECUTE FUNCTION hear();
ALTER TABLE log ENABLE REPLICA TRIGGER "Loud";
-- migration
ALTER TABLE log ALTER COLUMN id TYPE bigint;
