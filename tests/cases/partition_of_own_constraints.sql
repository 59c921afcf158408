-- case: partition_of_own_constraints
-- shows: a new partition with a default and constraints of its own is made as written, after the default partition is proven
-- new application starts: at the gate
-- setup
CREATE TABLE e (id int NOT NULL, day date, v int) PARTITION BY RANGE (day);
CREATE TABLE e_rest PARTITION OF e DEFAULT;
INSERT INTO e SELECT i, '2026-01-01'::date + i % 30, i FROM generate_series(1, 500) AS i;
-- migration
CREATE TABLE e_feb PARTITION OF e (v DEFAULT 7, CONSTRAINT v_small CHECK (v < 2000), UNIQUE (id)) FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') WITH (fillfactor = 90);
-- old application
INSERT INTO e (id, day, v) VALUES (:fresh, '2026-01-05', :n);
UPDATE e SET v = :n WHERE id = :id;
-- new application
INSERT INTO e (id, day, v) VALUES (:fresh, '2026-02-05', :n);
