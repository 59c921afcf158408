-- case: refuse_no_inherit_after_type
-- shows: a child that leaves while its column gets another type would keep the old one
-- expect refusal: refused the name or family of public.ch changes while n is being renamed or given another type
-- setup
CREATE TABLE pa (id int NOT NULL, n int);
CREATE TABLE ch () INHERITS (pa);
INSERT INTO ch SELECT i, i FROM generate_series(1, 300) AS i;
INSERT INTO pa SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE pa ALTER COLUMN n TYPE bigint;
ALTER TABLE ch NO INHERIT pa;
