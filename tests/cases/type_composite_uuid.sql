-- case: type_composite_uuid
-- shows: composite keys with a UUID: the number in them becomes bigint, in the referring table too; an id in text becomes uuid
-- expect note: column-order
-- setup
CREATE TABLE tenants (id uuid PRIMARY KEY, nick text NOT NULL DEFAULT 'none');
INSERT INTO tenants SELECT md5(i::text)::uuid FROM generate_series(1, 20) AS i;
CREATE TABLE invoices (tenant uuid NOT NULL REFERENCES tenants, nr int NOT NULL, ref text NOT NULL DEFAULT md5('0'), paid boolean, PRIMARY KEY (tenant, nr));
INSERT INTO invoices SELECT md5((1 + i % 20)::text)::uuid, i, md5(i::text), nullif(i % 3, 0) = 1 FROM generate_series(1, 500) AS i;
CREATE TABLE payments (tenant uuid, invoice int, amount numeric(10,2), FOREIGN KEY (tenant, invoice) REFERENCES invoices (tenant, nr));
INSERT INTO payments SELECT tenant, nr, nr FROM invoices WHERE nr % 2 = 0;
CREATE INDEX ON payments (tenant, invoice);
-- migration
ALTER TABLE invoices ALTER COLUMN nr TYPE bigint;
ALTER TABLE payments ALTER COLUMN invoice TYPE bigint;
ALTER TABLE invoices ALTER COLUMN ref DROP DEFAULT, ALTER COLUMN ref TYPE uuid USING ref::uuid;
ALTER TABLE invoices ALTER COLUMN ref SET DEFAULT gen_random_uuid();
-- old application
INSERT INTO invoices (tenant, nr, ref) VALUES (md5('3')::uuid, :fresh % 1000000000 + 1000, 'c4ca4238a0b923820dcc509a6f75849b');
INSERT INTO payments (tenant, invoice, amount) SELECT tenant, nr, 5 FROM invoices WHERE nr = :id FOR KEY SHARE;
UPDATE invoices SET paid = true WHERE nr = :id;
-- new application
UPDATE payments SET amount = :n WHERE invoice = :id;
-- new application from gate
INSERT INTO invoices (tenant, nr, ref) VALUES (md5('4')::uuid, :fresh % 1000000000 + 1000, gen_random_uuid());
-- agree
SELECT count(*) = 0 FROM payments LEFT JOIN invoices ON nr = invoice AND invoices.tenant = payments.tenant WHERE invoice IS NOT NULL AND nr IS NULL;
