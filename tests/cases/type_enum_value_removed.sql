-- case: type_enum_value_removed
-- shows: a value leaves an enum, as people write it: a new type takes the name, the column goes over, the old type is dropped
-- expect note: column-order
-- setup
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'unused');
CREATE TABLE people (id bigint PRIMARY KEY, mood mood NOT NULL DEFAULT 'ok', before mood);
INSERT INTO people SELECT i, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood, CASE WHEN i % 2 = 0 THEN 'sad'::mood END FROM generate_series(1, 600) AS i;
CREATE INDEX people_mood ON people (mood);
-- migration
ALTER TYPE mood RENAME TO mood_old;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
ALTER TABLE people ALTER COLUMN mood DROP DEFAULT;
ALTER TABLE people ALTER COLUMN mood TYPE mood USING mood::text::mood, ALTER COLUMN before TYPE mood USING before::text::mood;
ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'ok';
DROP TYPE mood_old;
-- old application
INSERT INTO people (id, mood) VALUES (:fresh, 'sad');
INSERT INTO people (id) VALUES (:fresh);
UPDATE people SET mood = 'happy', before = NULL WHERE id = :id;
-- new application
UPDATE people SET mood = 'sad' WHERE id = :id RETURNING mood = 'sad';
-- agree
SELECT count(*) = 0 FROM people WHERE mood IS NULL;
