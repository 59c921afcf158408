-- case: refuse_rename_function_of_any
-- shows: a function that takes or gives what no function in SQL can is not renamed by a second one
-- expect refusal: refused cannot have the type record
-- setup
CREATE FUNCTION price(a int) RETURNS record LANGUAGE sql AS 'SELECT a, a';
-- migration
ALTER FUNCTION price(int) RENAME TO cost;
