-- revision: 3a1f0c5d7e03
-- parents: 3a1f0c5d7e02
-- message: find customers by country
-- created: 2026-01-19T09:00:00Z

-- upgrade
CREATE INDEX customers_country_last_seen_idx ON customers (country, last_seen DESC);

-- downgrade
DROP INDEX customers_country_last_seen_idx;
