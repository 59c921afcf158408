-- case: create_objects
-- shows: new objects of many kinds, comments and grants: nothing waits for them
-- new application starts: at the gate
-- volatile: app.logins.id
-- setup
CREATE TABLE users (id bigint PRIMARY KEY, name text);
INSERT INTO users SELECT i, 'user ' || i FROM generate_series(1, 300) AS i;
-- migration
CREATE SCHEMA app;
CREATE SEQUENCE app.numbers START 5;
CREATE TABLE app.logins (id bigint PRIMARY KEY DEFAULT nextval('app.numbers'), user_id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), kind text CHECK (kind <> ''));
ALTER TABLE app.logins ADD CONSTRAINT by_user FOREIGN KEY (user_id) REFERENCES users;
ALTER TABLE app.logins ADD COLUMN note text NOT NULL DEFAULT '';
CREATE INDEX logins_at ON app.logins (at);
CREATE TABLE app.copies (LIKE users INCLUDING ALL);
INSERT INTO app.logins (user_id, at) SELECT i, timestamptz '2024-01-01' FROM generate_series(1, 10) AS i;
UPDATE app.logins SET kind = 'first';
CREATE VIEW app.recent AS SELECT user_id, max(at) AS at FROM app.logins GROUP BY user_id;
COMMENT ON TABLE app.logins IS 'who came when';
COMMENT ON COLUMN users.name IS 'as they wish';
GRANT USAGE ON SCHEMA app TO reporting, application;
GRANT SELECT, INSERT ON app.logins TO application;
GRANT USAGE ON SEQUENCE app.numbers TO application;
GRANT SELECT ON app.recent, users TO reporting;
REVOKE ALL ON app.recent FROM reporting;
-- old application
INSERT INTO users (id, name) VALUES (:fresh, :s);
UPDATE users SET name = :s WHERE id = :id RETURNING name = :s;
-- new application
INSERT INTO app.logins (user_id, kind) VALUES (:id, 'more');
SELECT kind FROM app.logins WHERE id = :id;
