-- case: set_not_null_after_update
-- shows: an old column becomes NOT NULL after its NULLs are filled; writers that still leave it out are kept alive
-- rollback: schema only
-- setup
CREATE TABLE users (id bigint PRIMARY KEY, name text, locale text);
INSERT INTO users SELECT i, 'user ' || i, CASE WHEN i % 3 > 0 THEN 'nb' END FROM generate_series(1, 900) AS i;
-- migration
UPDATE users SET locale = 'en' WHERE locale IS NULL;
ALTER TABLE users ALTER COLUMN locale SET NOT NULL;
-- old application
INSERT INTO users (id, name) VALUES (:fresh, :s);
INSERT INTO users (id, name, locale) VALUES (:fresh, :s, 'fr');
UPDATE users SET locale = NULL WHERE id = :id;
-- new application
INSERT INTO users (id, name, locale) VALUES (:fresh, :s, 'de');
UPDATE users SET locale = 'sv' WHERE id = :id RETURNING locale = 'sv';
-- agree
SELECT bool_and(locale IN ('nb', 'en', 'fr', 'de', 'sv')) FROM users;
