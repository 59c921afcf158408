-- case: rename_column_granted
-- shows: privileges on a column that the same migration gives or takes are those of the column under its new name
-- expect note: column-order
-- setup
CREATE TABLE people (id int PRIMARY KEY, mail text, phone text, fax text);
INSERT INTO people SELECT i, 'm' || i, 'p' || i, 'f' || i FROM generate_series(1, 400) AS i;
GRANT SELECT (phone), UPDATE (phone) ON people TO auditor;
GRANT SELECT (fax) ON people TO auditor WITH GRANT OPTION;
SET ROLE auditor;
GRANT SELECT (fax) ON people TO application;
RESET ROLE;
-- migration
ALTER TABLE people ADD COLUMN age int;
GRANT SELECT (age), UPDATE (age, mail) ON people TO reporting WITH GRANT OPTION;
COMMENT ON COLUMN people.age IS 'years';
ALTER TABLE people RENAME COLUMN mail TO email;
GRANT SELECT (phone) ON people TO reporting;
ALTER TABLE people RENAME COLUMN phone TO telephone;
ALTER TABLE people RENAME COLUMN fax TO "Fax";
ALTER TABLE people RENAME COLUMN age TO years;
-- old application
INSERT INTO people (id, mail) VALUES (:fresh, :s);
UPDATE people SET phone = :s WHERE id = :id;
-- new application
UPDATE people SET email = :s, years = :n WHERE id = :id;
