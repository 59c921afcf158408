-- case: update_everything
-- shows: an UPDATE of every row goes in batches; the values do not depend on the row's old value of the same column
-- rollback: schema only
-- setup
CREATE TABLE wares (id bigint PRIMARY KEY, price int NOT NULL, rate numeric NOT NULL DEFAULT 1.25, gross numeric);
INSERT INTO wares SELECT i, i % 200 FROM generate_series(1, 1500) AS i;
-- migration
UPDATE wares SET gross = price * rate;
-- old application
UPDATE wares SET price = :n, gross = :n * 1.25 WHERE id = :id;
INSERT INTO wares (id, price, gross) VALUES (:fresh, :n, :n * 1.25);
DELETE FROM wares WHERE id = 1000 + :id;
-- agree
SELECT count(*) = 0 FROM wares WHERE gross IS DISTINCT FROM price * rate;
