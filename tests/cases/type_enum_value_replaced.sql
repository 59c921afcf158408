-- case: type_enum_value_replaced
-- shows: a value leaves an enum after the rows that have it got another one, all in one migration
-- expect note: column-order
-- rollback: schema only
-- setup
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'glad');
CREATE TABLE people (id bigint PRIMARY KEY, mood mood NOT NULL DEFAULT 'ok');
INSERT INTO people SELECT i, (ARRAY['sad', 'ok', 'happy', 'glad'])[1 + i % 4]::mood FROM generate_series(1, 600) AS i;
CREATE INDEX people_mood ON people (mood);
-- migration
ALTER TYPE mood RENAME TO mood_old;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TABLE people ALTER COLUMN mood DROP DEFAULT;
UPDATE people SET mood = 'happy' WHERE mood = 'glad';
ALTER TABLE people ALTER COLUMN mood TYPE mood USING mood::text::mood;
ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'ok';
DROP TYPE mood_old;
-- old application
INSERT INTO people (id, mood) VALUES (:fresh, 'sad');
INSERT INTO people (id) VALUES (:fresh);
UPDATE people SET mood = 'happy' WHERE id = :id;
-- new application
UPDATE people SET mood = 'sad' WHERE id = :id RETURNING mood = 'sad';
-- agree
SELECT count(*) = 0 FROM people WHERE mood IS NULL;
