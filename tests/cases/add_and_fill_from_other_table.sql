-- case: add_and_fill_from_other_table
-- shows: a new nullable column filled once from another table, in batches, without a sync trigger
-- rollback: schema only
-- setup
CREATE TABLE teams (id int PRIMARY KEY, city text);
INSERT INTO teams SELECT i, 'city ' || i FROM generate_series(1, 40) AS i;
CREATE TABLE players (id bigint PRIMARY KEY, team_id int, name text);
INSERT INTO players SELECT i, 1 + i % 50, 'player ' || i FROM generate_series(1, 900) AS i;
-- migration
ALTER TABLE players ADD COLUMN city text;
UPDATE players AS p SET city = t.city FROM teams AS t WHERE t.id = p.team_id;
