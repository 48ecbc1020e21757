-- From the portable edition, or from a DDL capture function of DTS or made by hand, to the native extension dts_ddl_capture, without
-- missing a command. One statement, for psql -f and for pasting; superuser. The extension must be installed on the server.
--
-- What it does: locks the capture table, which waits for transactions with DDL in them and lets new DDL wait; puts the old table
-- and function into schema dts_old; creates the extension; lets ids go on above the old ones; gives the new table to
-- the publications that had the old one. The old functions are kept, because a session may just be about to call one: it
-- then writes into the new table. Later: DROP SCHEMA dts_old CASCADE, and DROP SCHEMA dts_ddl_portable CASCADE.
DO $move$
DECLARE
  highest pg_catalog.int8;
  former pg_catalog.text[];
  item pg_catalog.text;
  path constant pg_catalog.text := pg_catalog.current_setting('search_path');
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = 'dts_ddl_capture') THEN
    RAISE EXCEPTION 'extension dts_ddl_capture is installed in this database' USING
      ERRCODE = 'duplicate_object', DETAIL = 'There is nothing to move.';
  END IF;
  IF to_regclass('public.dts_ddl_command') IS NULL THEN
    RAISE EXCEPTION 'there is no capture table "public.dts_ddl_command" to move from' USING
      ERRCODE = 'undefined_table', HINT = 'CREATE EXTENSION dts_ddl_capture';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_available_extensions a WHERE a.name = 'dts_ddl_capture') THEN
    RAISE EXCEPTION 'extension dts_ddl_capture is not installed on this server' USING
      ERRCODE = 'undefined_file', HINT = 'Install its package for this major of PostgreSQL first. Nothing has been changed.';
  END IF;
  IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
    RAISE EXCEPTION 'permission denied to move to extension dts_ddl_capture' USING
      ERRCODE = 'insufficient_privilege', HINT = 'Run this script as superuser.';
  END IF;
  IF EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname = 'dts_old') THEN
    -- the objects of an earlier move; its table must not stand in the way
    IF to_regclass('dts_old.dts_ddl_command') IS NOT NULL OR to_regprocedure('dts_old.dts_capture_ddl()') IS NOT NULL THEN
      RAISE EXCEPTION 'schema "dts_old" already exists' USING
        ERRCODE = 'duplicate_schema', DETAIL = 'It has the table or function of an earlier move.', HINT = 'Rename or drop it.';
    END IF;
  ELSE
    CREATE SCHEMA dts_old;
    COMMENT ON SCHEMA dts_old IS 'DDL capture as it was before: table and function. To be dropped when nobody needs the rows any more';
  END IF;
  LOCK TABLE public.dts_ddl_command IN ACCESS EXCLUSIVE MODE;
  FOR item IN
    SELECT e.evtname FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE e.evtname IN ('dts_intercept_ddl', 'dts_intercept_start', 'dts_intercept_drop', 'dts_intercept_rewrite', 'dts_intercept_caller')
        OR n.nspname = 'dts_ddl_portable' LOOP
    EXECUTE 'DROP EVENT TRIGGER ' || quote_ident(item);
  END LOOP;
  IF to_regprocedure('public.dts_capture_ddl()') IS NOT NULL THEN
    ALTER FUNCTION public.dts_capture_ddl() SET SCHEMA dts_old;
  END IF;
  SELECT max(c.id) INTO highest FROM public.dts_ddl_command c;
  SELECT array_agg(p.pubname::text) INTO former FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
   WHERE r.prrelid = 'public.dts_ddl_command'::regclass;
  ALTER TABLE public.dts_ddl_command SET SCHEMA dts_old;
  -- numbers may have been given that no row shows yet
  BEGIN
    EXECUTE 'SELECT greatest($1, s.last_value) FROM ' || pg_get_serial_sequence('dts_old.dts_ddl_command', 'id') || ' s' INTO highest USING highest;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  -- one that does not belong to the table's column stayed behind
  IF to_regclass('public.dts_ddl_command_id_seq') IS NOT NULL THEN
    ALTER SEQUENCE public.dts_ddl_command_id_seq SET SCHEMA dts_old;
  END IF;
  FOREACH item IN ARRAY coalesce(former, ARRAY[]::text[]) LOOP
    EXECUTE 'ALTER PUBLICATION ' || quote_ident(item) || ' DROP TABLE dts_old.dts_ddl_command';
  END LOOP;
  CREATE EXTENSION dts_ddl_capture;
  IF highest IS NOT NULL THEN
    PERFORM setval('public.dts_ddl_command_id_seq', highest);
  END IF;
  FOREACH item IN ARRAY coalesce(former, ARRAY[]::text[]) LOOP
    EXECUTE 'ALTER PUBLICATION ' || quote_ident(item) || ' ADD TABLE public.dts_ddl_command';
  END LOOP;
  -- inside a transaction of the caller the path would stay
  PERFORM set_config('search_path', path, true);
END
$move$;
