-- case: refuse_rename_procedure
-- shows: a procedure under the old name could not call one that commits
-- expect refusal: refused a procedure may COMMIT
-- setup
CREATE TABLE prices (a int);
CREATE PROCEDURE price(a int) LANGUAGE sql AS 'INSERT INTO prices VALUES (a)';
-- migration
ALTER PROCEDURE price(int) RENAME TO cost;
