-- case: attach_partition_list
-- shows: partitions by list of varchar, of an enum, with NULL, and by an expression
-- new application starts: at the gate
-- setup
CREATE TYPE mood AS ENUM ('happy', 'sad', 'calm');
CREATE TABLE a (id int, code varchar(10)) PARTITION BY LIST (code);
CREATE TABLE a_rest PARTITION OF a DEFAULT;
CREATE TABLE a_null (id int, code varchar(10));
CREATE TABLE b (id int, m mood) PARTITION BY LIST (m);
CREATE TABLE b_happy (id int, m mood);
CREATE TABLE c (id int, name text) PARTITION BY LIST (lower(name));
CREATE TABLE c_rest PARTITION OF c DEFAULT;
CREATE TABLE c_x (id int, name text);
CREATE TABLE d (id int, flag boolean, amount numeric(8, 2)) PARTITION BY LIST (flag);
CREATE TABLE d_true (id int, flag boolean, amount numeric(8, 2)) PARTITION BY RANGE (amount);
CREATE TABLE d_true_1 PARTITION OF d_true FOR VALUES FROM (0) TO (1000);
INSERT INTO a SELECT i, 'c' || i % 9 FROM generate_series(1, 300) AS i;
INSERT INTO a_null SELECT i, (ARRAY[NULL, 'x', 'y'])[i % 3 + 1] FROM generate_series(1, 300) AS i;
INSERT INTO b_happy SELECT i, (ARRAY['happy', 'sad'])[i % 2 + 1]::mood FROM generate_series(1, 300) AS i;
INSERT INTO c SELECT i, 'Name ' || i FROM generate_series(1, 300) AS i;
INSERT INTO c_x SELECT i, 'X' FROM generate_series(1, 300) AS i;
INSERT INTO d_true SELECT i, true, i FROM generate_series(1, 300) AS i;
CREATE INDEX ON d (amount);
-- migration
ALTER TABLE a ATTACH PARTITION a_null FOR VALUES IN (NULL, 'x', 'y');
ALTER TABLE b ATTACH PARTITION b_happy FOR VALUES IN ('happy', 'sad');
ALTER TABLE c ATTACH PARTITION c_x FOR VALUES IN ('x');
ALTER TABLE d ATTACH PARTITION d_true FOR VALUES IN (true);
-- old application
INSERT INTO a (id, code) VALUES (:fresh, 'c1');
INSERT INTO a_null (id, code) VALUES (:fresh, NULL);
UPDATE b_happy SET m = 'sad' WHERE id = :id;
INSERT INTO c (id, name) VALUES (:fresh, 'Name ' || :n);
INSERT INTO d_true (id, flag, amount) VALUES (:fresh, true, :n);
-- new application
INSERT INTO a (id, code) VALUES (:fresh, 'y');
INSERT INTO c (id, name) VALUES (:fresh, 'X');
INSERT INTO d (id, flag, amount) VALUES (:fresh, true, :n);
