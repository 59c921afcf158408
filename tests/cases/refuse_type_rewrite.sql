-- case: refuse_type_rewrite
-- shows: a partitioned table cannot get another column type online yet
-- expect refusal: refused the table is partitioned
-- setup
CREATE TABLE customers (id bigint, email text, amount int) PARTITION BY RANGE (id);
CREATE TABLE customers_1 PARTITION OF customers FOR VALUES FROM (1) TO (1000);
INSERT INTO customers SELECT i, 'e' || i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE customers ALTER COLUMN amount TYPE bigint;
