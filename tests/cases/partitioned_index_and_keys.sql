-- case: partitioned_index_and_keys
-- shows: an index, a unique constraint, a primary key and a foreign key on a partitioned table, leaf by leaf
-- setup
CREATE TABLE regions (id int PRIMARY KEY);
INSERT INTO regions SELECT generate_series(0, 9);
CREATE TABLE sales (id bigint, day date NOT NULL, region int, ref text) PARTITION BY RANGE (day);
CREATE TABLE sales_a PARTITION OF sales FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE sales_b PARTITION OF sales FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY LIST (region);
CREATE TABLE sales_b1 PARTITION OF sales_b FOR VALUES IN (0, 1, 2, 3, 4);
CREATE TABLE sales_b2 PARTITION OF sales_b DEFAULT;
INSERT INTO sales SELECT i, '2026-01-01'::date + i % 59, i % 10, 'r' || i FROM generate_series(1, 1000) AS i;
-- migration
CREATE INDEX ON sales (ref);
CREATE INDEX sales_day_region ON sales (region, lower(ref)) WHERE ref IS NOT NULL;
ALTER TABLE sales ADD UNIQUE (ref, day, region);
ALTER TABLE sales ADD PRIMARY KEY (id, day, region);
ALTER TABLE sales ADD CONSTRAINT in_region FOREIGN KEY (region) REFERENCES regions (id) ON DELETE CASCADE;
-- old application
INSERT INTO sales (id, day, region, ref) VALUES (:fresh, '2026-01-15', 3, 'fresh ' || :fresh);
UPDATE sales SET region = 5 WHERE id = 1 + :fresh % 1000;
