-- case: refuse_type_after_key_dropped
-- shows: a primary key that is dropped stays until the new one is there, and would be in the way of a column of it
-- expect refusal: refused id of public.w is changed after its key w_pkey was dropped
-- setup
CREATE TABLE w (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO w SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE w DROP CONSTRAINT w_pkey;
ALTER TABLE w ALTER COLUMN id TYPE bigint;
ALTER TABLE w ADD PRIMARY KEY (id, n);
