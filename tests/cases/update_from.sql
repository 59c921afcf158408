-- case: update_from
-- shows: an UPDATE … FROM another table, batched by the blocks of the table that changes
-- rollback: schema only
-- setup
CREATE TABLE rates (code text PRIMARY KEY, rate numeric NOT NULL);
INSERT INTO rates SELECT 'c' || i, i / 10.0 FROM generate_series(1, 30) AS i;
CREATE TABLE amounts (id bigint PRIMARY KEY, code text, amount int, converted numeric);
INSERT INTO amounts SELECT i, 'c' || i % 40, i, -1 FROM generate_series(1, 1500) AS i;
-- migration
UPDATE amounts AS a SET converted = a.amount * r.rate FROM rates AS r WHERE r.code = a.code AND a.id % 2 = 0;
-- old application
INSERT INTO amounts (id, code, amount) VALUES (:fresh * 2 + 1, 'c1', :n);
SELECT converted FROM amounts WHERE id = :id;
