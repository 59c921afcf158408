-- case: add_column_argument_default
-- shows: an argument that is left to a volatile default, and a cast and an operator behind which is a volatile function, make a default volatile
-- volatile: tickets.token, tickets.size, tickets.shifted
-- setup
CREATE FUNCTION token(length int, seed float8 DEFAULT random()) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT left(md5(seed::text), length)';
CREATE TYPE size AS (amount float8);
CREATE FUNCTION measured(factor int) RETURNS size LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN ROW(factor * random()); END';
CREATE CAST (int AS size) WITH FUNCTION measured(int) AS ASSIGNMENT;
CREATE FUNCTION shifted(a int, b int) RETURNS float8 LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN a + b * random(); END';
CREATE OPERATOR ### (LEFTARG = int, RIGHTARG = int, FUNCTION = shifted);
CREATE TABLE tickets (id bigint PRIMARY KEY, holder text);
INSERT INTO tickets SELECT i, repeat('holder ', 1 + i % 20) FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE tickets ADD COLUMN token text DEFAULT token(30);
ALTER TABLE tickets ADD COLUMN size size DEFAULT 5::size;
ALTER TABLE tickets ADD COLUMN shifted float8 DEFAULT (1 ### 2);
ALTER TABLE tickets ADD COLUMN plain text DEFAULT token(3, 0.5);
