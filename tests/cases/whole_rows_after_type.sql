-- case: whole_rows_after_type
-- shows: `*` and INSERT without a list of columns mean the columns as written, though one of them stands elsewhere in the end
-- rollback: schema only
-- expect note: column-order
-- setup
CREATE TABLE t (id int PRIMARY KEY, a int, b text);
INSERT INTO t SELECT i, i % 9, 'b' || i FROM generate_series(1, 300) AS i;
CREATE TABLE o (id bigint, x bigint, y text);
CREATE TABLE r (id int PRIMARY KEY, old int, b text);
INSERT INTO r SELECT i, i, 'r' FROM generate_series(1, 40) AS i;
-- migration
ALTER TABLE t ALTER a TYPE bigint;
CREATE TABLE n (LIKE t INCLUDING ALL);
INSERT INTO n SELECT * FROM t;
INSERT INTO n VALUES (1000, 3, 'n');
INSERT INTO t VALUES (1001, 4, 'last');
INSERT INTO o SELECT * FROM t WHERE id < 50;
INSERT INTO o TABLE n;
CREATE VIEW v AS SELECT * FROM t;
CREATE TABLE counted AS SELECT id, to_jsonb(t) AS row FROM t;
-- airlock: rename dual-column
ALTER TABLE r RENAME COLUMN old TO new;
CREATE VIEW w AS SELECT r.* FROM r;
INSERT INTO r VALUES (1002, 5, 'r');
INSERT INTO o SELECT * FROM r RETURNING *;
