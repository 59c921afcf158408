-- revision: 3a1f0c5d7e04
-- parents: 3a1f0c5d7e03
-- message: call the phone a phone number
-- created: 2026-01-26T09:00:00Z

-- upgrade
ALTER TABLE customers RENAME COLUMN phone TO phone_number;

-- downgrade
ALTER TABLE customers RENAME COLUMN phone_number TO phone;
