-- case: rename_column_types
-- shows: types that are hard to compare or to spell: json without equality, a typmod with a collation, an array, an enum, a domain, a composite
-- expect note: column-order
-- new application starts: at the gate
-- setup
CREATE TYPE "Mood" AS ENUM ('sad', 'so so', 'happy');
CREATE DOMAIN percent AS int;
CREATE TYPE pair AS (a int, b text);
CREATE TABLE profiles (id bigint PRIMARY KEY, settings json, short varchar(30) COLLATE "C", points int[], mood "Mood" DEFAULT 'so so', share percent, "both" pair, amount numeric(9, 2), at timestamp(3) with time zone);
INSERT INTO profiles SELECT i, json_build_object('k', i), 'short ' || i, ARRAY[i, NULL], 'happy', i % 100, (i, 'b')::pair, i / 7.0, timestamptz '2024-01-01 00:00+00' + i * interval '1 h' FROM generate_series(1, 400) AS i;
INSERT INTO profiles (id) SELECT i FROM generate_series(401, 450) AS i;
-- migration
-- airlock: rename dual-column
ALTER TABLE profiles RENAME settings TO preferences;
-- airlock: rename dual-column
ALTER TABLE profiles RENAME short TO brief;
-- airlock: rename dual-column
ALTER TABLE profiles RENAME points TO scores;
-- airlock: rename dual-column
ALTER TABLE profiles RENAME mood TO "Temper";
-- airlock: rename dual-column
ALTER TABLE profiles RENAME share TO part;
-- airlock: rename dual-column
ALTER TABLE profiles RENAME "both" TO pairing;
-- airlock: rename dual-column
ALTER TABLE profiles RENAME amount TO sum;
-- airlock: rename dual-column
ALTER TABLE profiles RENAME at TO moment;
-- old application
UPDATE profiles SET settings = json_build_object('old', :s::text) WHERE id = :id;
INSERT INTO profiles (id, short, points) VALUES (:fresh, 'old', ARRAY[:n, 1]);
SELECT settings, mood FROM profiles WHERE id = :id;
-- new application
UPDATE profiles SET preferences = json_build_object('new', :s::text), part = :n % 101 WHERE id = :id;
INSERT INTO profiles (id, "Temper") VALUES (:fresh, 'sad');
SELECT preferences, "Temper" FROM profiles WHERE id = :id;
-- agree at gate
SELECT count(*) = 0 FROM profiles WHERE settings::text IS DISTINCT FROM preferences::text OR short IS DISTINCT FROM brief OR share IS DISTINCT FROM part OR mood IS DISTINCT FROM "Temper";
