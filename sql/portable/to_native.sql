-- From the portable edition, or from a DDL capture function of DTS or made by hand, to the native extension dts_ddl_capture, without
-- missing a command. One statement, for psql -f and for pasting; superuser. The extension must be installed on the server.
--
-- What it does: locks the capture table, which waits for transactions with DDL in them and lets new DDL wait; puts the old table
-- and function into schema dts_old; creates the extension; lets ids go on above the old ones; gives the new table to
-- the publications that had the old one. The old functions are kept, because a session may just be about to call one: it
-- then writes into the new table. Later: DROP SCHEMA dts_old CASCADE, and DROP SCHEMA dts_ddl_portable CASCADE.
DO $move$
DECLARE
  moved pg_catalog.bool := false;
  trusted pg_catalog.oid[];     -- superusers: nothing of anybody else is taken over
  place pg_catalog.text;
  wrong pg_catalog.text;
  state pg_catalog.text;
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
  trusted := ARRAY(SELECT r.oid FROM pg_roles r WHERE r.rolsuper OR r.rolname = current_user);
  FOR item IN
    SELECT e.evtname FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE e.evtname IN ('dts_intercept_ddl', 'dts_intercept_start', 'dts_intercept_drop', 'dts_intercept_rewrite', 'dts_intercept_caller')
        OR n.nspname = 'dts_ddl_portable' LOOP
    EXECUTE 'DROP EVENT TRIGGER ' || quote_ident(item);
  END LOOP;
  IF EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname = 'dts_old') THEN
    -- the objects of an earlier move; its table must not stand in the way
    IF to_regclass('dts_old.dts_ddl_command') IS NOT NULL OR to_regprocedure('dts_old.dts_capture_ddl()') IS NOT NULL
       OR EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname = 'dts_old' AND NOT (n.nspowner = ANY (trusted))) THEN
      RAISE EXCEPTION 'schema "dts_old" already exists' USING
        ERRCODE = 'duplicate_schema', DETAIL = 'It has the table or function of an earlier move, or belongs to a role that is no superuser.', HINT = 'Rename or drop it.';
    END IF;
  ELSE
    CREATE SCHEMA dts_old;
    COMMENT ON SCHEMA dts_old IS 'DDL capture as it was before: table and function. To be dropped when nobody needs the rows any more';
  END IF;
  -- BEGIN what sql/portable/install.sql does, too
  -- Only an ordinary table of a trusted role: reading anything else can run code of whoever made it. Asked before anybody is waited for,
  -- and again where it decides: locked, and in a schema in which nobody else can put something else in its place.
  FOREACH place IN ARRAY ARRAY['public', 'dts_old'] LOOP
    wrong := NULL;
    SELECT CASE WHEN c.relkind <> 'r' THEN '42809' WHEN NOT (c.relowner = ANY (trusted)) THEN '42501' ELSE '55000' END,
           CASE WHEN c.relkind <> 'r' THEN 'It is no ordinary table.'
                WHEN NOT (c.relowner = ANY (trusted)) THEN 'It belongs to ' || quote_ident(pg_get_userbyid(c.relowner))
                  || ', which is neither ' || quote_ident(current_user) || ' nor a superuser.'
                WHEN EXISTS (SELECT 1 FROM pg_index x WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
                  THEN 'It has an index with an expression or a condition.'
                WHEN NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id' AND a.atttypid IN ('int8'::regtype, 'int4'::regtype))
                  THEN 'It has no column "id" of type bigint or integer.' END
      INTO state, wrong FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = place AND c.relname = 'dts_ddl_command';
    IF FOUND AND wrong IS NULL AND place = 'public' THEN
      ALTER TABLE public.dts_ddl_command SET SCHEMA dts_old;
      moved := true;
    END IF;
    IF wrong IS NOT NULL THEN
      RAISE EXCEPTION 'cannot take over from "public.dts_ddl_command"' USING
        ERRCODE = state, DETAIL = wrong, HINT = 'Look at what it is and who made it. What is not needed: drop it, and run this script again.';
    END IF;
  END LOOP;
  IF EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0) THEN
    ALTER FUNCTION public.dts_capture_ddl() SET SCHEMA dts_old;
  END IF;
  IF moved THEN
    -- children and what they are made of are not looked at
    SELECT max(c.id) INTO highest FROM ONLY dts_old.dts_ddl_command c;
    -- numbers may have been given that no row shows yet; a sequence of the column went along, and has the table's owner
    item := pg_get_serial_sequence('dts_old.dts_ddl_command', 'id');
    IF EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = item::regclass AND n.nspname = 'dts_old') THEN
      EXECUTE 'SELECT greatest($1, s.last_value) FROM ' || item || ' s' INTO highest USING highest;
    END IF;
  END IF;
  -- one that does not belong to the table's column stayed behind
  FOR item, wrong IN SELECT c.relname::text, CASE WHEN c.relkind <> 'S' OR NOT (c.relowner = ANY (trusted)) THEN quote_ident(pg_get_userbyid(c.relowner)) END
                       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'public' AND c.relname IN ('dts_ddl_command_id_seq', 'dts_ddl_command_pkey') LOOP
    IF wrong IS NOT NULL THEN
      RAISE EXCEPTION 'relation "public.%" already exists', item USING
        ERRCODE = 'duplicate_table', DETAIL = 'It is of ' || wrong || ', and not what the capture table had.', HINT = 'Rename or drop it.';
    END IF;
    EXECUTE 'ALTER SEQUENCE public.' || quote_ident(item) || ' SET SCHEMA dts_old';
  END LOOP;
  -- END
  SELECT array_agg(p.pubname::text) INTO former FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
   WHERE r.prrelid = 'dts_old.dts_ddl_command'::regclass AND p.pubowner = ANY (trusted);
  -- the portable edition writes through it, into the old table: from here on nothing must be written there
  IF to_regclass('dts_ddl_portable.rows') IS NOT NULL THEN
    DROP VIEW dts_ddl_portable.rows;
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
