-- case: add_constraint_using_index_hanging
-- shows: an index that a constraint takes over is the replica identity and has a comment; after a rollback it is there again with both
-- setup
CREATE TABLE "Seats" (id bigint NOT NULL, hall int NOT NULL, seat text NOT NULL);
INSERT INTO "Seats" SELECT i, i % 7, 'seat ' || i FROM generate_series(1, 400) AS i;
CREATE UNIQUE INDEX "by hall" ON "Seats" (hall, seat) INCLUDE (id) WITH (fillfactor = 80);
COMMENT ON INDEX "by hall" IS 'it''s unique';
ALTER TABLE "Seats" REPLICA IDENTITY USING INDEX "by hall";
-- migration
ALTER TABLE "Seats" ADD CONSTRAINT "one guest" UNIQUE USING INDEX "by hall" DEFERRABLE;
-- old application
INSERT INTO "Seats" VALUES (:fresh, 8, 'seat ' || :fresh);
UPDATE "Seats" SET hall = 9 WHERE id = :id;
