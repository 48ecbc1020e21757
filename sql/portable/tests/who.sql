-- Who ran a command and where: the invoker, not the owner of the functions; the invoker's search_path, not the pinned one.
CREATE ROLE :"role1" LOGIN; CREATE ROLE :"role2"; GRANT :"role2" TO :"role1"; CREATE SCHEMA :"role1" AUTHORIZATION :"role1";
CREATE SCHEMA two AUTHORIZATION :"role2"; GRANT CREATE, TEMPORARY ON DATABASE :"db" TO :"role1", :"role2"; GRANT ALL ON SCHEMA two TO :"role1";
CREATE FUNCTION two.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = two AS 'BEGIN CREATE TABLE by_definer (x int); END';
ALTER FUNCTION two.definer() OWNER TO :"role2";
GRANT EXECUTE ON FUNCTION two.definer() TO PUBLIC;
SELECT t.mark();
\c - :role1
SET client_min_messages = warning;
CREATE TABLE mine (x int);
SELECT t.is('user', (SELECT concat_ws(' ', username, schema, message ->> 'session_user', message ->> 'superuser', message ->> 'search_path') FROM t.new()),
  'portable_r1 portable_r1 portable_r1 ["portable_r1", "public"]');
SELECT t.mark();
SET ROLE :"role2"; SET search_path = nowhere, two, "$user"; CREATE TABLE theirs (x int); RESET ROLE; RESET search_path;
SELECT t.is('SET ROLE', (SELECT concat_ws(' ', username, schema, message ->> 'session_user', message ->> 'search_path') FROM t.new()), 'portable_r2 two portable_r1 ["two"]');
SELECT t.mark();
SELECT two.definer();
SELECT t.is('SECURITY DEFINER', (SELECT concat_ws(' ', username, schema, message ->> 'session_user', message ->> 'search_path') FROM t.new()), 'portable_r2 two portable_r1 ["two"]');
SELECT t.mark();
SET search_path = ''; CREATE TABLE two.x (x int); SET search_path = pg_temp, two; CREATE VIEW two.y AS SELECT 1 AS a; RESET search_path;
SELECT t.is('no path, temporary path', (SELECT string_agg(concat_ws(' ', coalesce(schema, 'NULL'), message ->> 'search_path'), ', ' ORDER BY id) FROM t.new()), 'NULL [], pg_temp ["pg_temp", "two"]');
SELECT t.mark();
SET DateStyle = 'German'; SET check_function_bodies = off; SET standard_conforming_strings = off; CREATE TABLE set1 (x int);
SELECT t.is('settings', (SELECT concat_ws(' ', message -> 'settings' ->> 'DateStyle', message -> 'settings' ->> 'check_function_bodies', message -> 'settings' ->> 'standard_conforming_strings') FROM t.new()), 'German, DMY off off');
SELECT t.mark();
RESET ALL;
SELECT t.is('nothing on the table for users', concat(has_table_privilege('public.dts_ddl_command', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE'),
  has_sequence_privilege('public.dts_ddl_command_id_seq', 'USAGE, SELECT, UPDATE'), has_schema_privilege('dts_ddl_portable', 'USAGE, CREATE'),
  (SELECT bool_or(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'dts_ddl_portable' OR p.proname = 'dts_capture_ddl')), 'ffff');
\c - :admin
SELECT t.is('functions have a pinned search_path, but for the one that notes the caller', (SELECT string_agg(p.proname, ',') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE (n.nspname = 'dts_ddl_portable' OR p.proname = 'dts_capture_ddl') AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']), 'note_caller');
SELECT t.is('every object has a comment', (SELECT string_agg(o.what, ', ') FROM (
  SELECT p.oid::regprocedure::text AS what, obj_description(p.oid, 'pg_proc') AS c FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'dts_ddl_portable' OR p.proname = 'dts_capture_ddl'
  UNION ALL SELECT k.oid::regclass::text, obj_description(k.oid, 'pg_class') FROM pg_class k JOIN pg_namespace n ON n.oid = k.relnamespace
    WHERE k.relkind IN ('r', 'S', 'v', 'i') AND (n.nspname = 'dts_ddl_portable' OR n.nspname = 'public' AND k.relname LIKE 'dts\_%')
  UNION ALL SELECT a.attrelid::regclass || '.' || a.attname, col_description(a.attrelid, a.attnum) FROM pg_attribute a
    WHERE a.attrelid IN ('public.dts_ddl_command'::regclass, 'dts_ddl_portable.own'::regclass) AND a.attnum > 0
  UNION ALL SELECT e.evtname, obj_description(e.oid, 'pg_event_trigger') FROM pg_event_trigger e
  UNION ALL SELECT n.nspname, obj_description(n.oid, 'pg_namespace') FROM pg_namespace n WHERE n.nspname = 'dts_ddl_portable') o WHERE o.c IS NULL), NULL);
SELECT t.is('14 columns', (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = 'public.dts_ddl_command'::regclass AND a.attnum > 0),
  'ddl_text text, id bigint, event text, tag text, username character varying, database character varying, schema character varying, object_type character varying, object_name character varying, '
  || 'client_address character varying, client_port integer, event_time timestamp with time zone, txid_current character varying(128), message text');
SELECT t.is('event, database, client, time, transaction', (SELECT bool_and(event = 'ddl_command_end' AND database = current_database() AND client_address IS NULL AND client_port IS NULL
  AND event_time BETWEEN now() - interval '10 min' AND clock_timestamp() AND txid_current ~ '^\d+$')::text FROM public.dts_ddl_command), 'true');
SELECT t.is('no gaps', dts_ddl_portable.gaps()::text, '0');
DROP OWNED BY :"role1", :"role2"; DROP ROLE :"role1", :"role2";
