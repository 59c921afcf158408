-- case: half_done_and_new
-- shows: what is made for a column after it was renamed or given another type can be commented on and renamed like anything else
-- expect note: column-order
-- setup
CREATE TABLE w (id int PRIMARY KEY, n int, k int);
CREATE INDEX wn_old ON w (n);
INSERT INTO w SELECT i, i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE w ALTER COLUMN n TYPE bigint;
ALTER TABLE w ADD CONSTRAINT n_max CHECK (n < 10000000);
COMMENT ON CONSTRAINT n_max ON w IS 'm';
CREATE UNIQUE INDEX wn ON w (n, id);
COMMENT ON INDEX wn IS 'i';
ALTER INDEX wn RENAME TO wnn;
ALTER TABLE w RENAME COLUMN k TO kk;
CREATE INDEX wk ON w (kk);
ALTER INDEX wk SET (fillfactor = 60);
COMMENT ON INDEX wk IS 'k';
-- old application
UPDATE w SET n = :n WHERE id = :id;
INSERT INTO w (id, n, k) VALUES (:fresh, :n, 1);
-- new application
UPDATE w SET n = :n, kk = :n WHERE id = :id;
