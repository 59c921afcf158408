-- case: foreign_key_to_partitioned
-- shows: foreign keys to a partitioned table: from a plain one, from a partitioned one, and from itself
-- setup
CREATE TABLE users (id int, region int, boss int, boss_region int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE users_1 PARTITION OF users FOR VALUES IN (1);
CREATE TABLE users_2 PARTITION OF users FOR VALUES IN (2) PARTITION BY HASH (id);
CREATE TABLE users_2a PARTITION OF users_2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE users_2b PARTITION OF users_2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO users SELECT i, i % 2 + 1, 1, 2 FROM generate_series(1, 300) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, user_id int, region int);
INSERT INTO orders SELECT i, i, i % 2 + 1 FROM generate_series(1, 300) AS i;
CREATE TABLE visits (id bigint, day date, "user" int, region int) PARTITION BY RANGE (day);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
INSERT INTO visits SELECT i, '2026-01-01'::date + i % 50, i % 300 + 1, (i % 300 + 1) % 2 + 1 FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE orders ADD FOREIGN KEY (user_id, region) REFERENCES users ON DELETE CASCADE;
ALTER TABLE visits ADD CONSTRAINT "by whom" FOREIGN KEY ("user", region) REFERENCES users (id, region) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE users ADD FOREIGN KEY (boss, boss_region) REFERENCES users (id, region);
-- old application
INSERT INTO orders (id, user_id, region) VALUES (:fresh, :id, :id % 2 + 1);
INSERT INTO visits (id, day, "user", region) VALUES (:fresh, '2026-01-05', :id, :id % 2 + 1);
UPDATE visits SET day = '2026-03-01' WHERE id = 1 + :fresh % 300;
UPDATE users SET boss = 3 WHERE id = :id;
-- new application
INSERT INTO orders (id, user_id, region) VALUES (:fresh, :id, :id % 2 + 1);
