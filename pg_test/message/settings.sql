-- message.settings: what changes the meaning of a DDL command and differs from PostgreSQL's built-in default.
CREATE TABLE plain (x int);
SELECT t.check('defaults are absent', (SELECT NOT coalesce(message->'settings', '{}') ?| ARRAY['default_tablespace', 'default_table_access_method', 'check_function_bodies',
  'standard_conforming_strings', 'DateStyle', 'IntervalStyle', 'xmloption', 'default_with_oids', 'createrole_self_grant', 'search_path'] FROM t.one('default')),
  (SELECT message FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1));
CREATE FUNCTION t.setting(k text, v text, shown text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_settings WHERE name = k) THEN RETURN 'not in this major: ' || k; END IF;
  PERFORM set_config(k, v, false);
  DROP TABLE IF EXISTS probe;
  EXECUTE 'CREATE TABLE probe (x int DEFAULT ''1'')';
  PERFORM t.is(k, (SELECT message->'settings'->>k FROM t.new() ORDER BY n DESC LIMIT 1), coalesce(shown, v));
  PERFORM t.mark();
  EXECUTE format('RESET %I', k);
  EXECUTE 'DROP TABLE probe';
  EXECUTE 'CREATE TABLE probe (x int)';
  PERFORM t.mark();
  RETURN 'ok ' || k;
END $$;
SELECT t.mark();
SELECT t.setting('DateStyle', 'SQL, DMY');
SELECT t.setting('IntervalStyle', 'iso_8601');
SELECT t.setting('TimeZone', 'Asia/Tokyo');
SELECT t.setting('check_function_bodies', 'off');
SELECT t.setting('standard_conforming_strings', 'off') WHERE current_setting('server_version_num')::int < 190000;
SELECT t.setting('backslash_quote', 'on');
SELECT t.setting('xmloption', 'document');
SELECT t.setting('default_tablespace', 'pg_default');
SELECT t.setting('default_toast_compression', 'lz4') WHERE EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals));
SELECT t.setting('createrole_self_grant', 'set, inherit');
SELECT t.setting('extra_float_digits', '-5');
SELECT t.setting('bytea_output', 'escape');
SELECT t.setting('lo_compat_privileges', 'on');
SELECT t.setting('transform_null_equals', 'on');
SELECT t.setting('array_nulls', 'off');
-- the value is that of the command, also when a function sets it
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql SET DateStyle = 'German' AS $$ BEGIN CREATE TABLE inside_f (x int DEFAULT '1'); END $$;
SELECT t.mark();
SELECT f();
SELECT t.is('a function''s SET clause', (SELECT message->'settings'->>'DateStyle' FROM t.one('function')), 'German, DMY');
BEGIN; SET LOCAL IntervalStyle = 'postgres_verbose'; CREATE TABLE l1 (x int DEFAULT '1'); COMMIT; CREATE TABLE l2 (x int DEFAULT '1');
SELECT t.is('SET LOCAL', (SELECT string_agg(coalesce(message->'settings'->>'IntervalStyle', '-'), ',' ORDER BY n) FROM t.new()), 'postgres_verbose,-');
SELECT t.mark();
-- differs from PostgreSQL's default although the database sets it so
ALTER DATABASE :"db" SET check_function_bodies = off;
\c
CREATE TABLE by_database (x int);
SELECT t.is('ALTER DATABASE SET', (SELECT message->'settings'->>'check_function_bodies' FROM t.one('database')), 'off');
-- a setting under which capture itself must keep working
SET extra_float_digits = 0; SET bytea_output = escape; SET quote_all_identifiers = on; SET row_security = off; SET default_transaction_isolation = 'serializable';
CREATE TABLE odd AS SELECT 1.5::float8 AS x;
SELECT t.check('works under odd settings', (SELECT tag = 'CREATE TABLE' FROM t.one('odd')));
SET enable_seqscan = off; SET enable_indexscan = off; SET plan_cache_mode = force_generic_plan; SET search_path = ''; SET default_transaction_read_only = off;
CREATE TABLE public.odd2 (x int);
SELECT t.texts('works', 'CREATE TABLE public.odd2 (x int)');
-- only as far as it matters: how constants are read, and what functions may ask for
RESET search_path; CREATE TABLE public.matters (x int); SELECT t.mark();
SET TimeZone = 'Asia/Tokyo'; SET default_text_search_config = 'pg_catalog.german'; SET lo_compat_privileges = on;
CREATE FUNCTION t.told(name text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM t.one(name), jsonb_object_keys(message->'settings') k
  WHERE k IN ('TimeZone', 'default_text_search_config', 'lo_compat_privileges') $$;
SELECT t.mark();
ALTER TABLE matters ADD COLUMN y int; SELECT t.is('no constants', t.told('none'), 'lo_compat_privileges');
ALTER TABLE matters ALTER COLUMN y SET DEFAULT '1'; SELECT t.is('constants', t.told('constants'), 'TimeZone lo_compat_privileges');
ALTER TABLE matters ADD CHECK (x > 0); SELECT t.is('functions', t.told('functions'), 'TimeZone default_text_search_config lo_compat_privileges');
CREATE INDEX ON matters (x); SELECT t.is('index', t.told('index'), 'lo_compat_privileges');
CREATE INDEX ON matters (abs(x)); SELECT t.is('index with an expression', t.told('index'), 'TimeZone default_text_search_config lo_compat_privileges');
CREATE INDEX ON matters (x) WHERE x > 0; SELECT t.is('index with a predicate', t.told('index'), 'TimeZone default_text_search_config lo_compat_privileges');
ALTER TABLE matters ADD COLUMN z int UNIQUE; SELECT t.is('a key', t.told('key'), 'lo_compat_privileges');
ALTER TABLE matters ADD COLUMN d1 int NOT NULL DEFAULT 1, ADD COLUMN d2 text DEFAULT '1'; SELECT t.is('constants as defaults', t.told('default'), 'TimeZone lo_compat_privileges');
ALTER TABLE matters ADD COLUMN d3 int DEFAULT abs(1); SELECT t.is('a default', t.told('default'), 'TimeZone default_text_search_config lo_compat_privileges');
ALTER TABLE matters ADD COLUMN d4 money DEFAULT 1; SELECT t.is('a cast', t.told('default'), 'TimeZone default_text_search_config lo_compat_privileges');
ALTER TABLE matters ADD COLUMN d5 uuid; SELECT t.is('a type of PostgreSQL', t.told('type'), 'lo_compat_privileges');
CREATE DOMAIN public.positive AS int DEFAULT 1 CHECK (VALUE > 0); SELECT t.mark();
ALTER TABLE matters ADD COLUMN d6 positive; SELECT t.is('a domain', t.told('domain'), 'TimeZone default_text_search_config lo_compat_privileges');
ALTER TABLE matters ADD COLUMN d7 public.positive; SELECT t.is('a domain by its schema', t.told('domain'), 'TimeZone default_text_search_config lo_compat_privileges');
ALTER TABLE matters SET UNLOGGED; SELECT t.is('indexes built anew', t.told('unlogged'), 'TimeZone default_text_search_config lo_compat_privileges');
ALTER TABLE matters ADD COLUMN k int REFERENCES matters (z); SELECT t.is('a foreign key', t.told('key'), 'lo_compat_privileges');
