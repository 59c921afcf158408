-- case: refuse_constrained_domain_column
-- shows: a column of a constrained domain rewrites the table even when it is NULL; the same rule without the domain is offered
-- expect refusal: refused ADD COLUMN "Mail" text, ADD CHECK (("Mail" ~~ '%@%'::text))
-- setup
CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE people (id bigint PRIMARY KEY);
INSERT INTO people SELECT generate_series(1, 300);
-- migration
ALTER TABLE people ADD COLUMN "Mail" address;
