-- case: rename_function
-- shows: functions are called by both names until contract: defaults, OUT, sets, rows, polymorphic and variadic arguments, privileges; what calls them follows
-- setup
CREATE SCHEMA "Shop";
CREATE TABLE items (id int PRIMARY KEY, price int NOT NULL, name text);
INSERT INTO items SELECT i, i * 10, 'n' || i FROM generate_series(1, 200) AS i;
CREATE FUNCTION "Shop"."Price"(item int, factor numeric DEFAULT 1.5) RETURNS numeric LANGUAGE sql STABLE STRICT PARALLEL SAFE AS 'SELECT price * factor FROM public.items WHERE id = item';
CREATE FUNCTION halves(a int, OUT half int, OUT rest int) LANGUAGE sql IMMUTABLE AS 'SELECT a / 2, a % 2';
CREATE FUNCTION half(a int, OUT half int) LANGUAGE sql IMMUTABLE COST 7 AS 'SELECT a / 2';
CREATE FUNCTION cheap(below int) RETURNS SETOF items LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20 SET search_path = public AS 'BEGIN RETURN QUERY SELECT * FROM items WHERE price < below; END';
CREATE FUNCTION listed(below int) RETURNS TABLE (id int, label text) LANGUAGE sql STABLE AS 'SELECT id, name FROM public.items WHERE price < below';
CREATE FUNCTION one(at int) RETURNS items LANGUAGE sql STABLE AS 'SELECT * FROM public.items WHERE id = at';
CREATE FUNCTION first_of(VARIADIC a anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT a[1]';
CREATE FUNCTION touch(at int) RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE public.items SET price = price + 10 WHERE id = at; END';
CREATE FUNCTION clean(a text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(a)';
CREATE FUNCTION clean(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a';
COMMENT ON FUNCTION clean(text) IS 'folds';
REVOKE ALL ON FUNCTION cheap(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cheap(int) TO application, reporting;
GRANT USAGE ON SCHEMA "Shop" TO application;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := trim(NEW.name); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE INDEX items_clean ON items (clean(name));
ALTER TABLE items ADD CONSTRAINT folded CHECK (clean(name) IS NOT NULL);
ALTER TABLE items ALTER COLUMN name SET DEFAULT clean('NONE');
CREATE VIEW priced AS SELECT id, "Shop"."Price"(id) AS price FROM items;
-- migration
ALTER FUNCTION "Shop"."Price"(int, numeric) RENAME TO "Cost of";
ALTER FUNCTION halves RENAME TO parts;
ALTER FUNCTION half(int) RENAME TO part;
ALTER FUNCTION cheap(int) RENAME TO cheaper_than;
ALTER FUNCTION listed(int) RENAME TO list;
ALTER FUNCTION one(int) RENAME TO item_at;
ALTER FUNCTION first_of(anyarray) RENAME TO head;
ALTER FUNCTION touch(int) RENAME TO raise_price;
ALTER FUNCTION clean(text) RENAME TO folded;
ALTER FUNCTION stamp() RENAME TO trim_name;
-- old application
SELECT "Shop"."Price"(:id::int) = 1.5 * "Shop"."Price"(:id::int, 1);
SELECT half = 3 AND rest = 1 FROM halves(7);
SELECT half(a => 7) = 3;
SELECT count(*) >= 0 FROM cheap(:n::int);
SELECT count(label) >= 0 FROM listed(below => :n::int);
SELECT (one(:id::int)).id = :id;
SELECT first_of(3, 4, 5) = 3 AND first_of(VARIADIC ARRAY['a', 'b']) = 'a';
SELECT touch(:id::int) IS NOT NULL;
SELECT clean('A') = 'a' AND clean(7) = 7;
-- new application
SELECT "Shop"."Cost of"(:id::int) = 1.5 * "Shop"."Cost of"(:id::int, 1);
SELECT half = 3 AND rest = 1 FROM parts(7);
SELECT count(*) >= 0 FROM cheaper_than(:n::int);
SELECT (item_at(:id::int)).id = :id;
SELECT head(VARIADIC ARRAY['a', 'b']) = 'a';
SELECT raise_price(:id::int) IS NOT NULL;
UPDATE items SET name = :s WHERE id = :id;
SELECT folded('A') = 'a';
