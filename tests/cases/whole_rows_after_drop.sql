-- case: whole_rows_after_drop
-- shows: `*`, INSERT without a list of columns and LIKE do not meet a column that the migration has dropped
-- rollback: schema only
-- setup
CREATE TABLE t (id int PRIMARY KEY, a int, b text);
INSERT INTO t SELECT i, i % 9, 'b' || i FROM generate_series(1, 300) AS i;
CREATE TABLE u (k int, n int, v text, w int DEFAULT 4);
INSERT INTO u SELECT i, i, 'v' FROM generate_series(1, 50) AS i;
CREATE FUNCTION rows_of_t() RETURNS SETOF t LANGUAGE sql STABLE AS 'SELECT * FROM t';
-- migration
ALTER TABLE t DROP COLUMN a;
ALTER TABLE u DROP COLUMN n;
CREATE VIEW v AS SELECT * FROM t;
CREATE VIEW joined AS SELECT *, 1 AS one FROM u AS "U" JOIN t AS x ON x.id = "U".k;
CREATE VIEW again WITH (security_barrier) AS WITH c AS (SELECT public.t.* FROM public.t) SELECT c.*, o.i FROM c, generate_series(1, 2) AS o(i);
CREATE VIEW called AS SELECT * FROM rows_of_t();
CREATE TABLE whole AS SELECT id, t::text AS row FROM t;
CREATE TABLE copied (LIKE t INCLUDING ALL);
INSERT INTO copied SELECT * FROM t WHERE id < 20;
CREATE TABLE child (more int) INHERITS (t);
INSERT INTO u VALUES (200, 'e', 3), (201, 'f', DEFAULT);
INSERT INTO u AS new SELECT id, b FROM t WHERE id < 10;
INSERT INTO u SELECT * FROM (SELECT t.*, 7 FROM t) AS "S" WHERE id > 290;
-- airlock: allow blocking "a few rows"
WITH moved AS (DELETE FROM u WHERE k = 201 RETURNING *) INSERT INTO u SELECT k + 1, v, w FROM moved;
-- old application
SELECT a IS NOT NULL OR a IS NULL FROM t WHERE id = :id;
-- new application
INSERT INTO t (id, b) VALUES (:fresh, :s);
