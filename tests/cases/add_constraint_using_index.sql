-- case: add_constraint_using_index
-- shows: constraints made of an index that is there already, which takes the constraint's name
-- setup
CREATE TABLE coupons (id bigint NOT NULL, code text, batch int);
INSERT INTO coupons SELECT i, 'code ' || i, i FROM generate_series(1, 500) AS i;
CREATE UNIQUE INDEX coupons_by_id ON coupons (id);
CREATE UNIQUE INDEX coupons_by_code ON coupons (code);
-- migration
ALTER TABLE coupons ADD CONSTRAINT coupons_pkey PRIMARY KEY USING INDEX coupons_by_id;
ALTER TABLE coupons ADD UNIQUE USING INDEX coupons_by_code;
-- old application
INSERT INTO coupons (id, code) VALUES (:fresh, 'fresh ' || :fresh);
-- new application
UPDATE coupons SET batch = :n WHERE id = :id RETURNING batch = :n;
