-- The capture table renamed, altered or lost: a clear error, never a crash, and DDL goes on when it is mended.
CREATE FUNCTION t.broken(name text, sql text, want_message text, want_detail text DEFAULT '%') RETURNS text LANGUAGE plpgsql AS $fn$
DECLARE st text; msg text; det text; hin text;
BEGIN
  BEGIN
    EXECUTE sql;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS st = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL, hin = PG_EXCEPTION_HINT;
    PERFORM t.is(name || ': SQLSTATE', st, '55000');
    PERFORM t.is(name || ': message', msg, want_message);
    PERFORM t.check(name || ': DETAIL', det LIKE want_detail AND length(det) > 5, det);
    PERFORM t.check(name || ': HINT', length(hin) > 20, hin);
    RETURN 'ok ' || name;
  END;
  RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = 'the DDL went through';
END $fn$;
CREATE FUNCTION t.all_kinds(name text, want_message text, want_detail text DEFAULT '%') RETURNS text LANGUAGE plpgsql AS $fn$
BEGIN
  PERFORM t.broken(name || ', CREATE TABLE', 'CREATE TABLE x (a int)', want_message, want_detail);
  PERFORM t.broken(name || ', CREATE TABLE AS', 'CREATE TABLE x AS SELECT 1 AS a', want_message, want_detail);
  PERFORM t.broken(name || ', DROP TABLE', 'DROP TABLE existing', want_message, want_detail);
  PERFORM t.broken(name || ', COMMENT', 'COMMENT ON TABLE existing IS ''x''', want_message, want_detail);
  RETURN t.is(name || ': the DDL did not happen', (to_regclass('x') IS NULL AND to_regclass('existing') IS NOT NULL), true);
END $fn$;
CREATE TABLE existing (x int);
SELECT t.mark();
-- changes are made with capture out of the way, as an owner could
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO elsewhere; RESET session_replication_role;
SELECT t.all_kinds('renamed', 'capture table "public.dts_ddl_command" does not exist');
SET session_replication_role = replica; ALTER TABLE public.elsewhere RENAME TO dts_ddl_command; RESET session_replication_role;
CREATE TABLE mended1 (x int); SELECT t.texts('renamed back', 'CREATE TABLE mended1 (x int)');
CREATE SCHEMA other; SELECT t.mark();
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command SET SCHEMA other; RESET session_replication_role;
SELECT t.all_kinds('moved', 'capture table "public.dts_ddl_command" does not exist');
SET session_replication_role = replica; ALTER TABLE other.dts_ddl_command SET SCHEMA public; RESET session_replication_role;
CREATE TABLE mended2 (x int); SELECT t.texts('moved back', 'CREATE TABLE mended2 (x int)');
-- something else in its place
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO elsewhere; CREATE VIEW public.dts_ddl_command AS SELECT 1 AS x; RESET session_replication_role;
SELECT t.fails('a view in its place', 'CREATE TABLE x (a int)', '55000', 'capture table "public.dts_ddl_command" %');
SET session_replication_role = replica; DROP VIEW public.dts_ddl_command; CREATE TABLE public.dts_ddl_command (ddl_text text); RESET session_replication_role;
SELECT t.fails('another table in its place', 'CREATE TABLE x (a int)', '55000', 'capture table "public.dts_ddl_command" %');
SET session_replication_role = replica; DROP TABLE public.dts_ddl_command; CREATE TABLE public.dts_ddl_command (LIKE public.elsewhere INCLUDING DEFAULTS); RESET session_replication_role;
DO $$ BEGIN EXECUTE 'CREATE TABLE lookalike (x int)'; EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END $$;
SET session_replication_role = replica; DROP TABLE public.dts_ddl_command; ALTER TABLE public.elsewhere RENAME TO dts_ddl_command; RESET session_replication_role;
CREATE TABLE mended5 (x int); SELECT t.texts('renamed back', 'CREATE TABLE mended5 (x int)');
-- columns; each change is undone
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME COLUMN tag TO tagg; RESET session_replication_role;
SELECT t.all_kinds('column renamed', 'capture table "public.dts_ddl_command" has been altered', '%tag%');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME COLUMN tagg TO tag; RESET session_replication_role;
CREATE TABLE mended3 (x int); SELECT t.texts('column renamed back', 'CREATE TABLE mended3 (x int)');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command ALTER COLUMN client_port TYPE text; RESET session_replication_role;
SELECT t.all_kinds('column type', 'capture table "public.dts_ddl_command" has been altered', '%client_port%');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command ALTER COLUMN client_port TYPE integer USING client_port::integer; RESET session_replication_role;
CREATE TABLE mended4 (x int); SELECT t.texts('type back', 'CREATE TABLE mended4 (x int)');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command DROP COLUMN message; RESET session_replication_role;
SELECT t.all_kinds('column dropped', 'capture table "public.dts_ddl_command" has been altered', '%message%');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command ADD COLUMN message text; RESET session_replication_role;
-- now the column's number is another one; whether that is refused or served, it must not crash or store in the wrong place
DO $$ BEGIN EXECUTE 'CREATE TABLE renumbered (x int)'; EXCEPTION WHEN object_not_in_prerequisite_state THEN NULL; END $$;
SELECT t.check('nothing in the wrong place', (SELECT bool_and(message::jsonb ? 'v') FROM public.dts_ddl_command WHERE ddl_text LIKE '%renumbered%') IS NOT FALSE);
-- lost altogether (only by force: the extension holds it)
\c
SET allow_system_table_mods = on;
SET session_replication_role = replica;
DELETE FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dts_ddl_capture') AND classid IN ('pg_class'::regclass, 'pg_type'::regclass);
DROP TABLE public.dts_ddl_command CASCADE;
RESET session_replication_role;
SELECT t.all_kinds('dropped by force', 'capture table "public.dts_ddl_command" does not exist');
