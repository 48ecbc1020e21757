-- one string: the schema moves on; DROP .. CASCADE, grants, a table rewrite with a volatile default
ALTER TYPE order_state ADD VALUE IF NOT EXISTS 'sent' AFTER 'paid';
ALTER TABLE customer RENAME COLUMN "größe" TO credit_limit;
ALTER TABLE customer ADD COLUMN token double precision DEFAULT random();
ALTER TABLE customer ALTER COLUMN name TYPE varchar(200);
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO shop_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO shop_reader;
REVOKE ALL ON FUNCTION add_audit(regclass) FROM PUBLIC;
ALTER TABLE customer ENABLE ROW LEVEL SECURITY; CREATE POLICY own_rows ON customer USING (email = current_user::text);
DROP VIEW dear CASCADE;
DROP TABLE IF EXISTS never_was;
DROP TABLE orders_2024, instead_of_it
