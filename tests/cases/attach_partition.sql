-- case: attach_partition
-- shows: a filled table becomes a partition: bounds proven, default partition proven, indexes, keys and foreign keys made before
-- expect note: application
-- new application starts: at the gate
-- setup
CREATE TABLE regions (id int PRIMARY KEY);
INSERT INTO regions SELECT generate_series(0, 9);
CREATE TABLE sales (id bigint NOT NULL, at timestamptz NOT NULL, region int, ref text, CONSTRAINT positive CHECK (id > 0), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE sales_jan PARTITION OF sales FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE sales_rest PARTITION OF sales DEFAULT;
ALTER TABLE sales ADD CONSTRAINT in_region FOREIGN KEY (region) REFERENCES regions ON DELETE CASCADE;
ALTER TABLE sales ADD CONSTRAINT ref_once UNIQUE (ref, at);
CREATE INDEX ON sales (lower(ref)) WHERE region > 2;
CREATE INDEX sales_by_region ON sales USING btree (region DESC) INCLUDE (ref);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT ON sales FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO sales SELECT i, '2026-01-10', i % 10, 'r' || i FROM generate_series(1, 300) AS i;
INSERT INTO sales SELECT i, '2026-09-10', i % 10, 'r' || i FROM generate_series(301, 500) AS i;
CREATE TABLE "sales feb" (id bigint NOT NULL, at timestamptz NOT NULL, region int, ref text, CONSTRAINT positive CHECK (id > 0));
CREATE INDEX here_already ON "sales feb" (region DESC) INCLUDE (ref);
INSERT INTO "sales feb" SELECT i, '2026-02-10', i % 10, 'r' || i FROM generate_series(501, 1100) AS i;
-- migration
ALTER TABLE sales ATTACH PARTITION "sales feb" FOR VALUES FROM ('2026-02-01 00:00:00') TO ('2026-03-01');
-- old application
INSERT INTO sales (id, at, region, ref) VALUES (:fresh, '2026-01-15', 3, 'fresh ' || :fresh);
INSERT INTO sales (id, at, region, ref) VALUES (:fresh, '2026-11-15', 3, 'fresh ' || :fresh);
INSERT INTO "sales feb" (id, at, region, ref) VALUES (:fresh, '2026-02-15', 3, 'fresh ' || :fresh);
UPDATE "sales feb" SET region = 5 WHERE id = :id + 500;
-- new application
INSERT INTO sales (id, at, region, ref) VALUES (:fresh, '2026-02-15', 4, 'fresh ' || :fresh);
SELECT count(*) = 1 FROM sales WHERE id = :id + 500;
