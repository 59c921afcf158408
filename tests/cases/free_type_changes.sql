-- case: free_type_changes
-- shows: type changes that cost nothing run as they are
-- rollback: incomplete
-- setup
CREATE TABLE labels (id bigint PRIMARY KEY, a varchar(20), b varchar(10), c numeric(6, 2), d text);
INSERT INTO labels SELECT i, 'a' || i, 'b' || i, i / 4.0, 'd' FROM generate_series(1, 400) AS i;
CREATE INDEX labels_a ON labels (a);
-- migration
ALTER TABLE labels ALTER COLUMN a TYPE varchar(40);
ALTER TABLE labels ALTER COLUMN b TYPE text;
ALTER TABLE labels ALTER COLUMN c TYPE numeric(10, 2);
ALTER TABLE labels ALTER COLUMN d TYPE varchar;
-- old application
INSERT INTO labels (id, a, b) VALUES (:fresh, 'a', 'b');
UPDATE labels SET a = 'x' WHERE id = :id RETURNING a = 'x';
