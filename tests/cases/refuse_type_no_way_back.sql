-- case: refuse_type_no_way_back
-- shows: a USING that computes something needs to be told how to go back
-- expect refusal: refused airlock: reverse public.prices.amount
-- setup
CREATE TABLE prices (id bigint PRIMARY KEY, amount numeric(10, 2));
INSERT INTO prices SELECT i, i / 4.0 FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE prices ALTER COLUMN amount TYPE bigint USING (amount * 100)::bigint;
