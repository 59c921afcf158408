-- case: create_index_unique
-- shows: unique indexes are built concurrently; NULLs may repeat
-- setup
CREATE TABLE handles (id bigint PRIMARY KEY, handle text, tenant int);
INSERT INTO handles SELECT i, CASE WHEN i % 5 > 0 THEN 'handle ' || i END, i % 3 FROM generate_series(1, 900) AS i;
-- migration
CREATE UNIQUE INDEX handles_handle ON handles (handle);
CREATE UNIQUE INDEX ON handles (tenant, lower(handle)) WHERE handle IS NOT NULL;
-- old application
INSERT INTO handles (id, handle, tenant) VALUES (:fresh, 'fresh ' || :fresh, 1);
UPDATE handles SET tenant = :n WHERE id = :id;
-- new application
INSERT INTO handles (id, handle, tenant) VALUES (:fresh, 'new ' || :fresh, 1);
SELECT id FROM handles WHERE handle = :s;
