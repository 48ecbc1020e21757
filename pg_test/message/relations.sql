-- What a GRANT or DROP names is described as PostgreSQL does it, whatever its kind and its name.
SET client_min_messages = error;
CREATE SCHEMA "S p"; CREATE SCHEMA "select"; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE TABLE "S p"."T ""1" (id int PRIMARY KEY); CREATE TABLE "select"."order" (id int) PARTITION BY LIST (id); CREATE UNLOGGED TABLE public."Ümlaut" (id int);
CREATE VIEW "S p"."table" AS SELECT 1 AS a; CREATE MATERIALIZED VIEW "select"."M.v" AS SELECT 1 AS a; CREATE SEQUENCE public."s-1"; CREATE FOREIGN TABLE "S p".f (id int) SERVER s;
CREATE INDEX "I ""x" ON "S p"."T ""1" (id); CREATE INDEX plain ON "select"."M.v" (a);
CREATE TABLE known AS SELECT c.oid, c.relkind, i.type, i.identity, i.schema, i.name, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, pg_identify_object('pg_class'::regclass, c.oid, 0) i
  WHERE nspname IN ('S p', 'select') AND relname <> 'T "1_pkey' OR relname IN ('Ümlaut', 's-1');
SELECT t.is('kinds', (SELECT string_agg(type, ', ' ORDER BY type) FROM known), 'foreign table, index, index, materialized view, sequence, table, table, table, view');
CREATE FUNCTION described() RETURNS TABLE (told text) LANGUAGE sql AS $$ SELECT format('%s %s', object_type, object_name) FROM t.new() ORDER BY n $$; SELECT t.mark();
SELECT format('GRANT SELECT ON %s %s TO pg_monitor', CASE type WHEN 'sequence' THEN 'SEQUENCE' ELSE 'TABLE' END, identity) FROM known WHERE type <> 'index' ORDER BY oid \gexec
SELECT t.is('GRANT', (SELECT array_agg(told) FROM described()), (SELECT array_agg(type || ' ' || identity ORDER BY oid) FROM known WHERE type <> 'index'));
SELECT t.is('GRANT, names', (SELECT array_agg(concat_ws('/', o->>'schema', o->>'name') ORDER BY n) FROM t.new(), jsonb_array_elements(message->'objects') o), (SELECT array_agg(concat_ws('/', nspname, (SELECT relname FROM pg_class c WHERE c.oid = known.oid)) ORDER BY oid) FROM known WHERE type <> 'index')), t.mark();
SELECT format('DROP %s %s', upper(type), identity) FROM known ORDER BY type <> 'index', oid \gexec
SELECT t.is('DROP', (SELECT array_agg(told) FROM described()), (SELECT array_agg(type || ' ' || identity ORDER BY type <> 'index', oid) FROM known));
