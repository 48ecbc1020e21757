-- Removes the portable edition of dts_ddl_capture: event triggers, functions, schema dts_ddl_portable, and the table with its rows.
-- One statement: everything goes or nothing. Says so where there is nothing of it. Leaves alone what belongs to the
-- native extension or to somebody else.
DO $uninstall$
DECLARE
  item pg_catalog.text;
  path constant pg_catalog.text := pg_catalog.current_setting('search_path');
  messages constant pg_catalog.text := pg_catalog.current_setting('client_min_messages');
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = 'dts_ddl_capture')
     AND to_regclass('dts_ddl_portable.own') IS NULL THEN
    RAISE EXCEPTION 'extension dts_ddl_capture is installed in this database' USING
      ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'It is the native edition; nothing of the portable edition is here.',
      HINT = 'To remove it: DROP EXTENSION dts_ddl_capture';
  END IF;
  IF to_regclass('dts_ddl_portable.own') IS NULL THEN
    RAISE EXCEPTION 'the portable edition of dts_ddl_capture is not installed in this database' USING
      ERRCODE = 'undefined_object', DETAIL = 'There is no table dts_ddl_portable.own.';
  END IF;
  -- the event triggers first, so that nothing of this is recorded
  FOR item IN
    SELECT e.evtname FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = 'dts_ddl_portable' OR n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.prolang = (SELECT l.oid FROM pg_language l WHERE l.lanname = 'plpgsql') LOOP
    EXECUTE 'DROP EVENT TRIGGER ' || quote_ident(item);
  END LOOP;
  -- after to_native.sql the names in public belong to the extension, and the schema has what is left
  IF NOT EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = 'dts_ddl_capture') THEN
    -- what stands there in the name of another role is not ours (versions up to 1.1.0 did not note which table is)
    IF to_regclass('dts_ddl_portable.rows') IS NOT NULL THEN
      DROP VIEW dts_ddl_portable.rows;
    END IF;
    FOR item IN
      SELECT 'FUNCTION public.dts_capture_ddl()' FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace JOIN pg_namespace n ON n.nspname = 'dts_ddl_portable'
       WHERE s.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0 AND p.proowner = n.nspowner
      UNION ALL
      SELECT 'TABLE public.dts_ddl_command' FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace JOIN pg_namespace n ON n.nspname = 'dts_ddl_portable'
       WHERE s.nspname = 'public' AND c.relname = 'dts_ddl_command' AND c.relkind = 'r' AND c.relowner = n.nspowner LOOP
      EXECUTE 'DROP ' || item;
    END LOOP;
  END IF;
  -- without a NOTICE for each of its objects
  PERFORM set_config('client_min_messages', 'error', true);
  DROP SCHEMA dts_ddl_portable CASCADE;
  -- inside a transaction of the caller these would stay
  PERFORM set_config('client_min_messages', messages, true);
  PERFORM set_config('search_path', path, true);
END
$uninstall$;
