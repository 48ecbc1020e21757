-- Removes portable apply of dts_ddl_capture: triggers, schema dts_ddl_apply with the log, and table public.dts_ddl_command if apply.sql has
-- made it. One statement: everything goes or nothing. What the commands have made stays. First end the replication, or take the table out
-- of it: a row that comes afterwards is not run, and where the table is gone it is an error.
DO $remove$
DECLARE
  made_table pg_catalog.bool;
  messages constant pg_catalog.text := pg_catalog.current_setting('client_min_messages');
  path constant pg_catalog.text := pg_catalog.current_setting('search_path');
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF to_regclass('dts_ddl_apply.own') IS NULL THEN
    RAISE EXCEPTION 'portable apply is not installed in this database' USING
      ERRCODE = 'undefined_object', DETAIL = 'There is no table dts_ddl_apply.own.';
  END IF;
  IF EXISTS (SELECT FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'own' WHERE n.nspname = 'dts_ddl_apply'
              AND NOT (pg_has_role(n.nspowner, 'USAGE') AND pg_has_role(c.relowner, 'USAGE'))) THEN
    RAISE EXCEPTION 'schema "dts_ddl_apply" belongs to another role' USING
      ERRCODE = 'insufficient_privilege', HINT = 'Run this script as the role that installed portable apply.';
  END IF;
  -- without a NOTICE for what is not there, and for each object
  PERFORM set_config('client_min_messages', 'error', true);
  -- of two that end at once the second finds nothing
  SELECT o.made_table INTO made_table FROM dts_ddl_apply.own o FOR UPDATE;
  IF to_regclass('public.dts_ddl_command') IS NOT NULL THEN
    DROP TRIGGER IF EXISTS dts_ddl_arriving ON public.dts_ddl_command;
    DROP TRIGGER IF EXISTS dts_ddl_arrived ON public.dts_ddl_command;
  END IF;
  DROP SCHEMA dts_ddl_apply CASCADE;
  -- what stands there in the name of another role is not ours
  IF made_table AND EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('public.dts_ddl_command') AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')) THEN
    DROP TABLE public.dts_ddl_command;
  END IF;
  -- inside a transaction of the caller these would stay
  PERFORM set_config('client_min_messages', messages, true);
  PERFORM set_config('search_path', path, true);
END
$remove$;
