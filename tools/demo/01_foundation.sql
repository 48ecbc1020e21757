-- as a superuser: roles (global objects, which event triggers do not report), a schema, what replication needs
CREATE ROLE shop_owner LOGIN;
CREATE ROLE shop_reader;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
GRANT USAGE ON SCHEMA shop TO shop_reader;
ALTER ROLE shop_owner IN DATABASE shop SET search_path = shop, public;
CREATE PUBLICATION dts_sync_demo;
CREATE FOREIGN DATA WRAPPER payment_provider;
CREATE SERVER payments FOREIGN DATA WRAPPER payment_provider OPTIONS (host 'pay.example', port '443');
CREATE USER MAPPING FOR shop_owner SERVER payments OPTIONS ("user" 'shop', password 'open sesame');
