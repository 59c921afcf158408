-- case: refuse_statistics_comment_after_rename
-- shows: a comment on statistics that are made again for a renamed column would be lost
-- expect refusal: refused os of public.o is changed while zz is being renamed
-- setup
CREATE TABLE o (id int PRIMARY KEY, q int, z int);
CREATE STATISTICS os ON q, z FROM o;
INSERT INTO o SELECT i, i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE o RENAME COLUMN z TO zz;
COMMENT ON STATISTICS os IS 'both';
