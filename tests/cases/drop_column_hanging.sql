-- case: drop_column_hanging
-- shows: columns with all that goes along: indexes, a check over two columns, keys, statistics; several in one ALTER; IF EXISTS
-- setup
CREATE TABLE makers (id int PRIMARY KEY);
INSERT INTO makers SELECT i FROM generate_series(0, 9) AS i;
CREATE TABLE cars (id bigint PRIMARY KEY, maker int NOT NULL REFERENCES makers, old_code text UNIQUE, low int, high int, keep int, CHECK (low < high), CHECK (keep > 0), UNIQUE (maker, id));
INSERT INTO cars SELECT i, i % 10, 'code ' || i, i, i + 1, i FROM generate_series(1, 500) AS i;
CREATE INDEX cars_low_high ON cars (low, high);
CREATE INDEX cars_keep ON cars (keep) WHERE high > 5;
CREATE STATISTICS cars_together ON low, keep FROM cars;
-- migration
ALTER TABLE cars DROP COLUMN maker, DROP COLUMN old_code;
ALTER TABLE cars DROP COLUMN high;
ALTER TABLE cars DROP COLUMN IF EXISTS low, DROP COLUMN IF EXISTS nowhere;
-- old application
INSERT INTO cars (id, maker, old_code, low, high, keep) VALUES (:fresh, :n % 10, 'old ' || :fresh, 1, 2, 3);
UPDATE cars SET low = :n, high = :n + 1 WHERE id = :id;
SELECT maker, old_code, low, high FROM cars WHERE id = :id;
-- new application
INSERT INTO cars (id, keep) VALUES (:fresh, 1 + :n);
UPDATE cars SET keep = 1 + :n WHERE id = :id RETURNING keep = 1 + :n;
