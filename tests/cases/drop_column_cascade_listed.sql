-- case: drop_column_cascade_listed
-- shows: DROP COLUMN … CASCADE lists what it reaches at any depth, and drops foreign keys one by one first
-- expect note: irreversible
-- setup
CREATE TABLE customers (id bigint PRIMARY KEY, email text UNIQUE, region int, label text GENERATED ALWAYS AS (email || '!') STORED);
INSERT INTO customers (id, email, region) SELECT i, 'e' || i, i % 3 FROM generate_series(1, 200) AS i;
CREATE TABLE orders (id bigint PRIMARY KEY, email text CONSTRAINT orders_customer REFERENCES customers (email));
INSERT INTO orders SELECT i, 'e' || i FROM generate_series(1, 100) AS i;
CREATE TABLE invoices (id bigint PRIMARY KEY, email text CONSTRAINT invoices_customer REFERENCES customers (email));
CREATE VIEW emails AS SELECT id, email FROM customers;
CREATE VIEW few_emails AS SELECT id FROM emails WHERE id < 10;
CREATE POLICY own ON customers USING (email = current_user);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER on_email AFTER UPDATE OF email ON customers FOR EACH ROW EXECUTE FUNCTION touched();
-- migration
ALTER TABLE customers DROP COLUMN email CASCADE;
