-- Extension dts_ddl_capture, from 1.6.0 to 1.7.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Consumers are not told of retention: their copy of the table may be none, or their own. Another identity is the DBA's choice;
-- a destination keeps its own (sql/start_apply.sql).
DO $update$
BEGIN
  IF (SELECT c.relreplident = 'd' FROM pg_class c WHERE c.oid = 'public.dts_ddl_command'::regclass)
     AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'public.dts_ddl_command'::regclass AND t.tgname = 'dts_apply_row') THEN
    ALTER TABLE public.dts_ddl_command REPLICA IDENTITY NOTHING;
  END IF;
END
$update$;

CREATE FUNCTION dts_ddl.script(without text[], after_id bigint DEFAULT 0, up_to_id bigint DEFAULT NULL) RETURNS SETOF text
  LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'script_without_wrapper';
COMMENT ON FUNCTION dts_ddl.script(text[], bigint, bigint) IS
  'The same without what consumers run, by their names (ape-dts, dts) or by command tags, and so that it can run beside them';

CREATE FUNCTION dts_ddl.check(consumer text, after_id bigint DEFAULT 0, OUT id bigint, OUT tag text, OUT problem text, OUT ddl_text text)
  RETURNS SETOF record
  LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'check_consumer_wrapper';
COMMENT ON FUNCTION dts_ddl.check(text, bigint) IS
  'Rows above after_id that a consumer (ape-dts, dts) leaves out, cannot run, or runs otherwise, and why';

CREATE FUNCTION dts_ddl.start_capture() RETURNS void
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp SET session_replication_role TO replica
  AS 'MODULE_PATHNAME', 'start_capture_wrapper';
COMMENT ON FUNCTION dts_ddl.start_capture() IS
  'Says of a copy, made by the restore of a dump, that it is a source: its DDL is recorded from now on';
COMMENT ON SEQUENCE dts_ddl.restored IS
  'Set when the extension was made by the restore of a dump: nothing is recorded until the database is told what it is';

-- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given.
DO $revoke$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('REVOKE ALL ON FUNCTION %s FROM %s', p.oid::regprocedure,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
      FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     WHERE p.oid IN ('dts_ddl.script(text[], bigint, bigint)'::regprocedure, 'dts_ddl.check(text, bigint)'::regprocedure,
                     'dts_ddl.start_capture()'::regprocedure) AND a.grantee <> p.proowner
     GROUP BY 1
  LOOP
    EXECUTE command;
  END LOOP;
END
$revoke$;
