-- revision: 3a1f0c5d7e02
-- parents: 3a1f0c5d7e01
-- message: give every customer a status
-- created: 2026-01-12T09:00:00Z

-- upgrade
ALTER TABLE customers ADD COLUMN status text;

UPDATE customers
SET status = CASE WHEN country = 'NO' THEN 'home' ELSE 'abroad' END;

ALTER TABLE customers ALTER COLUMN status SET NOT NULL;

-- downgrade
ALTER TABLE customers DROP COLUMN status;

-- verify
SELECT id FROM customers WHERE status NOT IN ('home', 'abroad') LIMIT 1;
