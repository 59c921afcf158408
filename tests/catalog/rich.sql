-- A bit of everything that a catalog can hold on every supported version, under ordinary and
-- hostile names.
CREATE SCHEMA app;
CREATE SCHEMA "we;rd ""name""";
CREATE TYPE app.mood AS ENUM ('sad', 'it''s ok', 'Happy');
CREATE DOMAIN app.email AS text DEFAULT 'a@b' NOT NULL CONSTRAINT has_at CHECK (VALUE LIKE '%@%');
CREATE TYPE app.pair AS (a integer, b text);
CREATE TYPE app.span AS RANGE (subtype = integer);
CREATE COLLATION app.c (provider = libc, locale = 'C');
CREATE SEQUENCE app.numbers START 5 INCREMENT 3;
CREATE FUNCTION app.tick() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1';
CREATE FUNCTION app.tock() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE app.users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email app.email,
  name varchar(40) COLLATE app.c DEFAULT 'nobody',
  moods app.mood[],
  score numeric(10,2) DEFAULT random(),
  ticks integer DEFAULT app.tick(),
  tocks integer DEFAULT app.tock(),
  gone text,
  at timestamptz(3) NOT NULL DEFAULT now(),
  twice numeric GENERATED ALWAYS AS (score * 2) STORED,
  serial serial,
  CONSTRAINT positive CHECK (score > 0 AND ticks > 0) NO INHERIT
) WITH (fillfactor = 70);
ALTER TABLE app.users DROP COLUMN gone;
ALTER TABLE app.users ADD CONSTRAINT later CHECK (ticks < 10) NOT VALID;
ALTER TABLE app.users ALTER name SET STORAGE PLAIN, ALTER name SET STATISTICS 7, ALTER score SET (n_distinct = -0.5);
ALTER TABLE app.users ALTER name SET COMPRESSION pglz;
COMMENT ON TABLE app.users IS 'people';
COMMENT ON COLUMN app.users.name IS 'what they''re called';
COMMENT ON CONSTRAINT positive ON app.users IS 'why';
CREATE UNIQUE INDEX users_email ON app.users (lower(email), name DESC NULLS LAST) INCLUDE (at) WHERE ticks > 1;
COMMENT ON INDEX app.users_email IS 'fast';
ALTER INDEX app.users_email ALTER COLUMN 1 SET STATISTICS 99;
CREATE UNIQUE INDEX users_at ON app.users (at, id);
ALTER TABLE app.users REPLICA IDENTITY USING INDEX users_at;
ALTER TABLE app.users CLUSTER ON users_at;
CREATE TRIGGER touch BEFORE UPDATE OF name, score ON app.users FOR EACH ROW WHEN (OLD.ticks IS DISTINCT FROM NEW.ticks) EXECUTE FUNCTION app.touch();
CREATE TRIGGER "~airlock 1" AFTER INSERT OR DELETE ON app.users FOR EACH STATEMENT EXECUTE FUNCTION app.touch();
ALTER TABLE app.users DISABLE TRIGGER touch;
CREATE RULE nothing AS ON DELETE TO app.users WHERE OLD.id < 0 DO INSTEAD NOTHING;
CREATE POLICY mine ON app.users AS RESTRICTIVE FOR SELECT TO PUBLIC USING (name = CURRENT_USER);
ALTER TABLE app.users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE STATISTICS app.corr (dependencies) ON name, score FROM app.users;
CREATE STATISTICS app.expr ON (lower(name)), ticks FROM app.users;
ALTER STATISTICS app.corr SET STATISTICS 50;
COMMENT ON STATISTICS app.corr IS 'together';
CREATE ROLE reader;
GRANT SELECT ON app.users TO reader;
GRANT UPDATE (name) ON app.users TO reader WITH GRANT OPTION;
CREATE TABLE "we;rd ""name"""."Order" (
  "select" integer, "Mixed Case" text, "größe" integer DEFAULT 5,
  "sixty-three bytes of name that go right up to the very limit 63" text,
  "user" bigint CONSTRAINT "f""k" REFERENCES app.users ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  num integer DEFAULT nextval('app.numbers'),
  whole app.users,
  PRIMARY KEY ("select", "Mixed Case"),
  EXCLUDE USING gist (int4range("select", "größe") WITH &&)
);
CREATE VIEW app.named AS SELECT id, name FROM app.users WHERE ticks > 0;
CREATE MATERIALIZED VIEW app."Mat" AS SELECT count(*) AS n FROM app.users;
CREATE VIEW "we;rd ""name""".over AS SELECT name FROM app.named;
CREATE FUNCTION app.body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM app.users; END;
CREATE FUNCTION app.takes(app.users) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE POLICY elsewhere ON "we;rd ""name"""."Order" USING (EXISTS (SELECT FROM app.users u WHERE u.serial = num));
CREATE TABLE app.events (day date NOT NULL, tenant integer, note text, PRIMARY KEY (day, tenant)) PARTITION BY RANGE (day);
CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE app.events_2025 PARTITION OF app.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (tenant);
CREATE TABLE app.events_2025_1 PARTITION OF app.events_2025 FOR VALUES IN (1, 2);
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT;
CREATE INDEX events_note ON app.events (note);
CREATE TRIGGER evt AFTER INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TABLE app.refs (d date, t integer, FOREIGN KEY (d, t) REFERENCES app.events);
CREATE TABLE app.by_expr (a integer, b text) PARTITION BY HASH (lower(b), a);
CREATE TABLE app.parent (a integer CHECK (a > 0), b text);
CREATE TABLE app.child (c integer) INHERITS (app.parent);
CREATE UNLOGGED TABLE app.fast (a integer);
INSERT INTO app.parent SELECT 1, 'x' FROM generate_series(1, 100);
ANALYZE app.parent;
CREATE PUBLICATION chosen FOR TABLE app.events, app.parent;
CREATE PUBLICATION everything FOR ALL TABLES;
