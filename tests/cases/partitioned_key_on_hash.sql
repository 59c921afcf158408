-- case: partitioned_key_on_hash
-- shows: a unique constraint with INCLUDE and a primary key on hash partitions of two columns, under quoted names; and both on one partition alone
-- setup
CREATE TABLE "H t" (a uuid, b text, c int) PARTITION BY HASH (a, b);
CREATE TABLE "H 0" PARTITION OF "H t" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE "H 1" PARTITION OF "H t" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO "H t" SELECT md5(i::text)::uuid, 'b' || i, i FROM generate_series(1, 600) AS i;
CREATE TABLE l (id int, k int) PARTITION BY LIST (k);
CREATE TABLE l1 PARTITION OF l FOR VALUES IN (1);
INSERT INTO l SELECT i, 1 FROM generate_series(1, 300) AS i;
-- migration
ALTER TABLE "H t" ADD CONSTRAINT "H u" UNIQUE (a, b) INCLUDE (c);
ALTER TABLE "H t" ADD PRIMARY KEY (b, a);
ALTER TABLE l1 ADD PRIMARY KEY (id);
-- old application
INSERT INTO "H t" (a, b, c) VALUES (gen_random_uuid(), 'f', :n);
UPDATE "H t" SET c = :n WHERE b = 'b' || :id;
INSERT INTO l (id, k) VALUES (:fresh, 1);
-- new application
INSERT INTO "H t" (a, b, c) VALUES (gen_random_uuid(), 'f', :n);
