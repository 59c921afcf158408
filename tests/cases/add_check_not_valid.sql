-- case: add_check_not_valid
-- shows: a CHECK that the migration itself adds NOT VALID stays so; another is validated in its own statement; NO INHERIT
-- setup
CREATE TABLE readings (id bigint PRIMARY KEY, value int);
INSERT INTO readings SELECT i, i - 5 FROM generate_series(1, 500) AS i;
-- migration
ALTER TABLE readings ADD CONSTRAINT from_now_on CHECK (value > 0) NOT VALID;
ALTER TABLE readings ADD CONSTRAINT bounded CHECK (value < 100000) NOT VALID;
ALTER TABLE readings VALIDATE CONSTRAINT bounded;
ALTER TABLE readings ADD CONSTRAINT mine_only CHECK (value > -100) NO INHERIT;
-- old application
INSERT INTO readings (id, value) VALUES (:fresh, 1 + :n);
-- new application
UPDATE readings SET value = 1 + :n WHERE id = 100 + :id RETURNING value = 1 + :n;
