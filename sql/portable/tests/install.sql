-- install: no
-- Refusals, before anything is made; taking over; running again; removal without a trace.
CREATE TABLE t.before AS SELECT 1 AS x;
CREATE FUNCTION t.names() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(o.name, ' ' ORDER BY o.name COLLATE "C") FROM (
    SELECT nspname::text AS name FROM pg_namespace WHERE nspname LIKE 'dts\_%'
    UNION ALL SELECT evtname FROM pg_event_trigger
    UNION ALL SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname LIKE 'dts\_%' AND n.nspname <> 'pg_toast'
    UNION ALL SELECT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname LIKE 'dts\_%') o $$;
SELECT t.is('nothing here', t.names(), NULL);
-- the last error of a script, which must not stop this one
\set ON_ERROR_STOP 0
\set VERBOSITY terse
\set QUIET 1
\set install `cat sql/portable/install.sql`
\set uninstall `cat sql/portable/uninstall.sql`
:uninstall
SELECT t.is('uninstall: not here', :'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42704 the portable edition of dts_ddl_capture is not installed in this database');
CREATE ROLE :"role1"; SET ROLE :"role1";
:install
SELECT t.is('no rights', :'LAST_ERROR_MESSAGE', 'permission denied to install the portable edition');
RESET ROLE; GRANT CREATE ON DATABASE :"db" TO :"role1"; GRANT CREATE ON SCHEMA public TO :"role1"; SET ROLE :"role1";
:install
SELECT t.is('no right to event triggers', :'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42501 permission denied to create event triggers');
RESET ROLE;
SELECT t.is('nothing was made', t.names(), NULL);
CREATE TABLE public.dts_ddl_command (x int);
:install
SELECT t.is('table is taken', :'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42710 table "public.dts_ddl_command" already exists');
DROP TABLE public.dts_ddl_command; CREATE SCHEMA dts_ddl_portable;
:install
SELECT t.is('schema is taken', :'LAST_ERROR_MESSAGE', 'schema "dts_ddl_portable" already exists');
DROP SCHEMA dts_ddl_portable;

-- the vendor's function is there
\i sql/portable/tests/vendor.sql
\if :has10
CREATE PUBLICATION has_it FOR TABLE public.dts_ddl_command;
\endif
CREATE TABLE by_vendor (x int);
:install
SELECT t.is('taken by the vendor', :'LAST_ERROR_MESSAGE', 'event trigger "dts_intercept_ddl" already exists');
SELECT max(id) AS highest FROM public.dts_ddl_command \gset
SET dts_ddl_portable.take_over = 'on';
\set ON_ERROR_STOP 1
:install
CREATE TABLE by_portable (x int);
SELECT t.is('ids go on', (SELECT (min(id) > :highest)::text || max(ddl_text) FROM public.dts_ddl_command), 'trueCREATE TABLE by_portable (x int)');
SELECT t.is('old rows are kept', (SELECT (count(*) > 0)::text FROM dts_old.dts_ddl_command WHERE ddl_text = 'CREATE TABLE by_vendor (x int);'), 'true');
\if :has10
SELECT t.is('publication', (SELECT string_agg(prrelid::regclass::text, ',') FROM pg_publication_rel), 'dts_ddl_command');
\endif
SELECT t.is('names', t.names(), 'dts_ddl_portable dts_intercept_caller dts_intercept_ddl dts_intercept_drop dts_intercept_start dts_old dts_old.dts_capture_ddl dts_old.dts_ddl_command '
  || 'dts_old.dts_ddl_command_id_seq dts_old.dts_ddl_command_pkey public.dts_capture_ddl public.dts_ddl_command public.dts_ddl_command_id_seq public.dts_ddl_command_pkey');
-- again, also under odd settings; rows and rights that were given stay
GRANT SELECT ON public.dts_ddl_command TO :"role1"; SET standard_conforming_strings = off; SET escape_string_warning = off; SET search_path = '';
DROP EVENT TRIGGER dts_intercept_drop;
:install
RESET standard_conforming_strings; RESET search_path;
-- what it had to put in order is no row: neither the function that was missing nor rights
DROP FUNCTION dts_ddl_portable.gaps(); GRANT EXECUTE ON FUNCTION dts_ddl_portable.prune(bigint) TO PUBLIC; GRANT USAGE ON SCHEMA dts_ddl_portable TO PUBLIC;
:install
SELECT t.is('no rights again', concat(has_schema_privilege('portable_r1', 'dts_ddl_portable', 'USAGE'), has_function_privilege('portable_r1', 'dts_ddl_portable.gaps()', 'EXECUTE'), has_function_privilege('portable_r1', 'dts_ddl_portable.prune(bigint)', 'EXECUTE')), 'fff');
SELECT t.is('again', (SELECT count(*) || ' ' || has_table_privilege('portable_r1', 'public.dts_ddl_command', 'SELECT') FROM public.dts_ddl_command), '1 true');
DROP TABLE by_portable;
SELECT t.is('repaired', (SELECT object_name::text FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1), 'public.by_portable');
-- in a transaction with other commands, and over what an earlier version had
SET search_path = t, public; SET client_min_messages = notice;
BEGIN; CREATE FUNCTION dts_ddl_portable.noted_place(bigint) RETURNS int LANGUAGE sql AS 'SELECT 1'; :install
SELECT t.is('the path is the caller''s again', current_setting('search_path') || (SELECT count(*) FROM pg_proc WHERE proname = 'noted_place'), 't, public0');
:uninstall
SELECT t.is('the path is the caller''s again', current_setting('search_path') || ' ' || current_setting('client_min_messages'), 't, public notice');
ROLLBACK; RESET search_path; RESET client_min_messages;
CREATE TABLE still (x int);
SELECT t.is('still there', (SELECT ddl_text FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1), 'CREATE TABLE still (x int)');
:uninstall
DROP SCHEMA dts_old CASCADE;
SELECT t.is('nothing is left', t.names(), NULL);
SELECT t.is('nothing is left to depend on', (SELECT count(*)::text FROM pg_proc p WHERE p.prosrc LIKE '%dts_ddl_portable%'), '0');
-- default privileges give others nothing
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO :"role1"; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO :"role1"; 
\if :has10
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO :"role1";
\endif
RESET dts_ddl_portable.take_over;
:install
SELECT t.is('rights', (SELECT string_agg(o.name, ',') FROM (
  SELECT c.relname AS name, c.relacl AS acl, c.relowner AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'S') AND (n.nspname = 'dts_ddl_portable' OR c.relname LIKE 'dts\_%')
  UNION ALL SELECT p.proname, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'dts_ddl_portable' OR p.proname LIKE 'dts\_%'
  UNION ALL SELECT n.nspname, n.nspacl, n.nspowner FROM pg_namespace n WHERE n.nspname = 'dts_ddl_portable') o, aclexplode(o.acl) a WHERE a.grantee <> o.owner), NULL);
:uninstall
SELECT t.is('nothing is left', t.names(), NULL);
-- the table was dropped
:install
SET client_min_messages = error; DROP TABLE public.dts_ddl_command CASCADE; RESET client_min_messages;
:install
CREATE TABLE back (x int);
SELECT t.is('the table is back', (SELECT concat(id, ddl_text) FROM public.dts_ddl_command), '1CREATE TABLE back (x int)');
SELECT t.is('rights on the table', (SELECT string_agg(a.privilege_type, ',') FROM pg_class c, aclexplode(c.relacl) a WHERE c.relname LIKE 'dts\_ddl\_command%' AND a.grantee <> c.relowner), NULL);
:uninstall
DROP OWNED BY :"role1"; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC; DROP ROLE :"role1";
