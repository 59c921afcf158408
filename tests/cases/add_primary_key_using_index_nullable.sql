-- case: add_primary_key_using_index_nullable
-- shows: PRIMARY KEY USING INDEX over a nullable column would scan: the column becomes NOT NULL first
-- setup
CREATE TABLE coupons (id bigint, code text);
INSERT INTO coupons SELECT i, 'code ' || i FROM generate_series(1, 500) AS i;
CREATE UNIQUE INDEX coupons_by_id ON coupons (id);
-- migration
ALTER TABLE coupons ADD PRIMARY KEY USING INDEX coupons_by_id;
-- old application
INSERT INTO coupons (id, code) VALUES (:fresh, :s);
