-- case: refuse_both_ends_of_key
-- shows: renames at both ends of a foreign key would each make it again for the other end as it was
-- expect refusal: refused id of public.c is changed while c_id of public.o, at the other end of ofk
-- setup
CREATE TABLE c (id int PRIMARY KEY, v int);
CREATE TABLE o (id int PRIMARY KEY, cid int CONSTRAINT ofk REFERENCES c);
INSERT INTO c SELECT i, i FROM generate_series(1, 300) AS i;
INSERT INTO o SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE o RENAME COLUMN cid TO c_id;
ALTER TABLE c RENAME COLUMN id TO c_id;
