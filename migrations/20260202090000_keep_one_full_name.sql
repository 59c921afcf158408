-- revision: 3a1f0c5d7e05
-- parents: 3a1f0c5d7e04
-- message: keep one full name
-- created: 2026-02-02T09:00:00Z

-- upgrade
ALTER TABLE customers ADD COLUMN full_name text;

UPDATE customers SET full_name = first_name || ' ' || last_name;

ALTER TABLE customers
    DROP COLUMN first_name,
    DROP COLUMN last_name;

-- downgrade
ALTER TABLE customers ADD COLUMN first_name text;
ALTER TABLE customers ADD COLUMN last_name text;
UPDATE customers
SET first_name = split_part(full_name, ' ', 1), last_name = split_part(full_name, ' ', 2);
ALTER TABLE customers DROP COLUMN full_name;

-- verify
SELECT id FROM customers WHERE full_name IS NULL LIMIT 1;
