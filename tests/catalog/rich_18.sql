-- What only version 18 can express.
CREATE TABLE app.newest (
  a integer,
  b integer GENERATED ALWAYS AS (a * 2),
  c integer GENERATED ALWAYS AS (a * 3) VIRTUAL
);
ALTER TABLE app.newest ADD CONSTRAINT a_given NOT NULL a NOT VALID;
ALTER TABLE app.newest ADD CONSTRAINT loose CHECK (a > 0) NOT ENFORCED;
