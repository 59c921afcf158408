-- case: refuse_rename_aggregate
-- shows: no function can stand under the old name of an aggregate
-- expect refusal: refused no function can call an aggregate
-- setup
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
-- migration
ALTER AGGREGATE total(int) RENAME TO grand_total;
