-- case: refuse_type_volatile_using
-- shows: a USING that gives another value every time cannot be kept in step
-- expect refusal: refused another value every time
-- setup
CREATE TABLE tokens (id bigint PRIMARY KEY, token text);
INSERT INTO tokens SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE tokens ALTER COLUMN token TYPE uuid USING gen_random_uuid();
