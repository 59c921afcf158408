-- case: foreign_keys_to_new_keys
-- shows: a table that is made, or an empty one that is changed, waits for the key that its foreign key points to and that the same migration builds; and what needs the table waits with it
-- new application starts: at the gate
-- setup
CREATE TABLE t (id int PRIMARY KEY, a int, aa int, b int, c int);
INSERT INTO t SELECT i, i, i, i, i FROM generate_series(1, 300) AS i;
CREATE TABLE bare (id int NOT NULL, n int);
INSERT INTO bare SELECT i, i FROM generate_series(1, 300) AS i;
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE full_one (id int PRIMARY KEY);
INSERT INTO full_one SELECT i FROM generate_series(1, 50) AS i;
-- migration
ALTER TABLE t ADD CONSTRAINT au UNIQUE (a);
CREATE UNIQUE INDEX t_by_aa ON t (aa);
ALTER TABLE t ADD CONSTRAINT bcu UNIQUE (b, c);
ALTER TABLE bare ADD PRIMARY KEY (id);
CREATE TABLE by_column (x int REFERENCES t (a), y int);
CREATE INDEX ON by_column (x);
INSERT INTO by_column VALUES (1, 1);
GRANT SELECT ON by_column TO reporting;
CREATE TABLE by_table (x int, y int, z int REFERENCES bare, FOREIGN KEY (y, x) REFERENCES t (c, b));
GRANT INSERT ON by_table TO application;
ALTER TABLE empty ADD COLUMN t_aa int REFERENCES t (aa);
ALTER TABLE full_one ADD COLUMN t_aa int REFERENCES t (aa);
CREATE TABLE later (x int);
ALTER TABLE later ADD FOREIGN KEY (x) REFERENCES t (aa);
CREATE TABLE at_once (x int REFERENCES t (id));
-- old application
UPDATE t SET a = a WHERE id = :id;
INSERT INTO t VALUES (:fresh, :fresh, :fresh, :fresh, :fresh);
-- new application
INSERT INTO by_table (z) VALUES (:id);
INSERT INTO full_one VALUES (:fresh, NULL);
UPDATE t SET b = b WHERE id = :id;
