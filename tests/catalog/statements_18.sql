-- What version 18 added.
CREATE TABLE app.eighteen (a int NOT NULL, b int CONSTRAINT given NOT NULL, c int GENERATED ALWAYS AS (a * 2), d int, CONSTRAINT d_given NOT NULL d, CHECK (a > 0) NOT ENFORCED);
CREATE TABLE app.eighteen_copy (LIKE app.eighteen INCLUDING CONSTRAINTS);
CREATE TABLE app.eighteen_child (e int) INHERITS (app.eighteen);
ALTER TABLE app.eighteen ADD COLUMN f int, ADD COLUMN g int;
ALTER TABLE app.eighteen ADD CONSTRAINT f_given NOT NULL f NOT VALID;
ALTER TABLE app.eighteen VALIDATE CONSTRAINT f_given;
ALTER TABLE app.eighteen ALTER g SET NOT NULL;
ALTER TABLE app.eighteen DROP CONSTRAINT given;
ALTER TABLE app.eighteen ALTER g DROP NOT NULL;
ALTER TABLE app.eighteen RENAME CONSTRAINT f_given TO "F given";
ALTER TABLE app.eighteen RENAME COLUMN f TO ff;
ALTER TABLE app.eighteen ADD PRIMARY KEY (a);
