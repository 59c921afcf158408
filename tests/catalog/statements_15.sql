-- What version 15 added.
CREATE TABLE app.fifteen_target (a int, b int, UNIQUE (a, b));
CREATE TABLE app.fifteen (a int, b int, UNIQUE NULLS NOT DISTINCT (a),
  FOREIGN KEY (a, b) REFERENCES app.fifteen_target (a, b) ON DELETE SET NULL (b));
ALTER TABLE app.fifteen ADD COLUMN c numeric(3, -2);
CREATE UNIQUE INDEX ON app.fifteen (b) NULLS NOT DISTINCT;
