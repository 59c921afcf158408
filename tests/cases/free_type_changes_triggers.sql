-- case: free_type_changes_triggers
-- shows: a type that changes in place leaves each partition's copy of a trigger as it was, and views as open as they were
-- rollback: incomplete
-- setup
CREATE TABLE p (id int NOT NULL, w varchar(10), fired int NOT NULL DEFAULT 0) PARTITION BY RANGE (id);
CREATE TABLE pa PARTITION OF p FOR VALUES FROM (0) TO (300);
CREATE TABLE pb PARTITION OF p FOR VALUES FROM (300) TO (100000) PARTITION BY RANGE (id);
CREATE TABLE pb1 PARTITION OF pb FOR VALUES FROM (300) TO (100000);
INSERT INTO p (id, w) SELECT i, 'w' || i % 9 FROM generate_series(1, 600) AS i;
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.fired := NEW.fired + 1; RETURN NEW; END $$;
CREATE TRIGGER of_w BEFORE UPDATE OF w ON p FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE ONLY pb DISABLE TRIGGER of_w;
ALTER TABLE pa ENABLE REPLICA TRIGGER of_w;
COMMENT ON TRIGGER of_w ON pb1 IS 'only said';
CREATE VIEW shown AS SELECT id, w FROM p;
REVOKE DELETE ON shown FROM CURRENT_USER;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reporting;
-- migration
ALTER TABLE p ALTER COLUMN w TYPE text;
-- as-written
DROP TRIGGER of_w ON p;
DROP VIEW shown;
ALTER TABLE p ALTER COLUMN w TYPE text;
CREATE TRIGGER of_w BEFORE UPDATE OF w ON p FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE ONLY pb DISABLE TRIGGER of_w;
ALTER TABLE pa ENABLE REPLICA TRIGGER of_w;
COMMENT ON TRIGGER of_w ON pb1 IS 'only said';
CREATE VIEW shown AS SELECT id, w FROM p;
REVOKE DELETE ON shown FROM CURRENT_USER;
REVOKE ALL ON shown FROM reporting;
GRANT SELECT, INSERT, UPDATE, DELETE ON shown TO application;
-- old application
UPDATE p SET w = 'x' WHERE id = :id;
-- new application
SELECT count(*) >= 0 FROM shown;
