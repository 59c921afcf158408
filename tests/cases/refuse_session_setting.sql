-- case: refuse_session_setting
-- shows: a setting in the middle would hold for a part of the run only
-- expect refusal: input datestyle is set after other statements
-- setup
CREATE TABLE days (id bigint PRIMARY KEY, day date);
-- migration
INSERT INTO days VALUES (1, '02/03/2024');
SET datestyle = 'SQL, DMY';
INSERT INTO days VALUES (2, '02/03/2024');
