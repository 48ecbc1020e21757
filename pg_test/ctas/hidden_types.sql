-- Where a schema before pg_catalog hides PostgreSQL's types, the stored statement names each with its schema.
CREATE SCHEMA app; CREATE DOMAIN app.uuid AS text; CREATE DOMAIN app.text AS pg_catalog.text;
SET search_path = app, pg_catalog;
SELECT t.mark();
CREATE TABLE app.none AS SELECT 'x'::app.uuid u, 'y'::pg_catalog.text v, ARRAY['z'::pg_catalog.text] w WITH NO DATA;
CREATE TABLE app.data AS SELECT 'x'::app.uuid u, 'y'::pg_catalog.text v, ARRAY['z'::pg_catalog.text] w;
RESET search_path;
SELECT t.is('types', (SELECT string_agg(ddl_text, ';' ORDER BY n) FROM t.new()),
  'CREATE TABLE app."none" (u app.uuid, v pg_catalog.text, w pg_catalog.text[]);CREATE TABLE app.data (u app.uuid, v pg_catalog.text, w pg_catalog.text[])');
