-- case: refuse_type_constrained_domain
-- shows: a domain with constraints cannot be reached online; a plain one can
-- expect refusal: refused domain with constraints
-- setup
CREATE DOMAIN positive AS bigint CHECK (VALUE > 0);
CREATE TABLE sums (id bigint PRIMARY KEY, amount int);
INSERT INTO sums SELECT i, i FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE sums ALTER COLUMN amount TYPE positive;
