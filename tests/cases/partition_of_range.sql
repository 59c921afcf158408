-- case: partition_of_range
-- shows: a new partition of a busy table under SHARE UPDATE EXCLUSIVE: timestamptz key, quoted names, keys, checks, foreign keys, triggers
-- setup
CREATE TABLE users (id int PRIMARY KEY);
INSERT INTO users SELECT generate_series(0, 9);
CREATE TABLE "Log Lines" (id bigint NOT NULL, "At" timestamptz NOT NULL DEFAULT now(), user_id int REFERENCES users, line varchar(40) DEFAULT 'x', twice bigint GENERATED ALWAYS AS (id * 2) STORED, CONSTRAINT "long enough" CHECK (length(line) > 0), PRIMARY KEY (id, "At")) PARTITION BY RANGE ("At");
CREATE TABLE "Log Lines 1" PARTITION OF "Log Lines" FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
ALTER TABLE "Log Lines" ALTER COLUMN line SET STORAGE EXTERNAL;
CREATE INDEX ON "Log Lines" (lower(line)) WHERE user_id > 3;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touch AFTER INSERT ON "Log Lines" FOR EACH ROW EXECUTE FUNCTION touch();
COMMENT ON COLUMN "Log Lines".line IS 'what happened';
INSERT INTO "Log Lines" (id, "At", user_id, line) SELECT i, '2026-01-10', i % 10, 'l' || i FROM generate_series(1, 500) AS i;
-- migration
CREATE TABLE "Log Lines 2" PARTITION OF "Log Lines" FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE "Log Lines Rest" PARTITION OF "Log Lines" DEFAULT;
-- old application
INSERT INTO "Log Lines" (id, "At", user_id, line) VALUES (:fresh, '2026-01-20', 3, 'old');
SELECT count(*) FROM "Log Lines" WHERE id = :id;
-- new application
INSERT INTO "Log Lines" (id, "At", user_id, line) VALUES (:fresh, '2026-02-20', 3, 'new') RETURNING twice = :fresh * 2;
INSERT INTO "Log Lines" (id, "At", user_id, line) VALUES (:fresh, '2027-02-20', 3, 'new') RETURNING twice = :fresh * 2;
