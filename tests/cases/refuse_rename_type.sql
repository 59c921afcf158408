-- case: refuse_rename_type
-- shows: no domain under the old name of an enum would compare with its columns
-- expect refusal: refused would not compare
-- setup
CREATE TYPE mood AS ENUM ('sad', 'happy');
-- migration
ALTER TYPE mood RENAME TO feeling;
