-- case: refuse_foreign_key_altered_after_type
-- shows: a foreign key to a key that gets another type is made again: what is said of it in between would be lost
-- expect refusal: refused ofk of public.o is changed while
-- setup
CREATE TABLE c (id int PRIMARY KEY, v int);
CREATE TABLE o (id int PRIMARY KEY, cid int CONSTRAINT ofk REFERENCES c);
INSERT INTO c SELECT i, i FROM generate_series(1, 300) AS i;
INSERT INTO o SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE c ALTER COLUMN id TYPE bigint;
ALTER TABLE o ALTER CONSTRAINT ofk DEFERRABLE INITIALLY DEFERRED;
