-- Extension dts_ddl_capture, from 1.0.0 to 1.1.0. A new installation runs it, too: each version is the one before it and
-- its update script, so that both ways lead to the same objects.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- The library is named with its directory: dynamic_library_path cannot lead past it any more.
DO $update$
DECLARE
  definition text;
BEGIN
  FOR definition IN
    SELECT pg_get_functiondef(p.oid)
      FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
     WHERE e.extname = 'dts_ddl_capture' AND p.probin = 'dts_ddl_capture'
  LOOP
    EXECUTE replace(definition, $$AS 'dts_ddl_capture',$$, $$AS 'MODULE_PATHNAME',$$);
  END LOOP;
END
$update$;

-- To look at things. check() and status_document(), which pg_monitor may call, take the rights of the extension's owner themselves, as
-- SECURITY DEFINER would give them (PostgreSQL's own tests want no such function).
CREATE FUNCTION dts_ddl.check(OUT name text, OUT status text, OUT found text, OUT remedy text) RETURNS SETOF record
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp
  -- it joins whole catalogs, whose sizes after a filter the planner cannot know
  SET enable_nestloop TO off SET work_mem TO '64MB' SET jit TO off SET max_parallel_workers_per_gather TO 0
  AS 'MODULE_PATHNAME', 'check_wrapper';
COMMENT ON FUNCTION dts_ddl.check() IS 'Whether capture (on a destination: apply) is complete: one row for each check, the worst first; status is ok, warning or error';

CREATE FUNCTION dts_ddl.status_document() RETURNS text
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'status_document_wrapper';
COMMENT ON FUNCTION dts_ddl.status_document() IS 'What the view dts_ddl.status shows, as JSON';

CREATE VIEW dts_ddl.status AS
  SELECT s.* FROM jsonb_to_record(dts_ddl.status_document()::jsonb) AS s(
    database name, version text, capturing boolean, rows_kept bigint, last_id bigint, last_time timestamptz,
    pruned_through bigint, gaps bigint, slots bigint, slots_inactive bigint, slots_lost bigint, slot_lag_bytes bigint,
    rows_unconfirmed bigint, applying boolean, applied_id bigint, applied_time timestamptz, apply_workers bigint,
    apply_failures bigint, tables_not_ready bigint);
COMMENT ON VIEW dts_ddl.status IS 'Numbers for monitoring systems, in one row; dts_ddl.check() judges them';
COMMENT ON COLUMN dts_ddl.status.database IS 'This database';
COMMENT ON COLUMN dts_ddl.status.version IS 'Version of the extension''s objects';
COMMENT ON COLUMN dts_ddl.status.capturing IS 'Whether all event triggers of capture are enabled, and dts_ddl_capture.enabled and event_triggers are on';
COMMENT ON COLUMN dts_ddl.status.rows_kept IS 'Rows in public.dts_ddl_command';
COMMENT ON COLUMN dts_ddl.status.last_id IS 'Highest id given so far; commands that were rolled back count';
COMMENT ON COLUMN dts_ddl.status.last_time IS 'When the newest command of the table ended';
COMMENT ON COLUMN dts_ddl.status.pruned_through IS 'Highest id that retention has deleted';
COMMENT ON COLUMN dts_ddl.status.gaps IS 'Commands that went through without a row under on_error = warning';
COMMENT ON COLUMN dts_ddl.status.slots IS 'Logical replication slots of this database';
COMMENT ON COLUMN dts_ddl.status.slots_inactive IS 'Those that no consumer is connected to';
COMMENT ON COLUMN dts_ddl.status.slots_lost IS 'Those whose WAL has been removed';
COMMENT ON COLUMN dts_ddl.status.slot_lag_bytes IS 'Bytes of WAL that the slowest of them has not confirmed';
COMMENT ON COLUMN dts_ddl.status.rows_unconfirmed IS 'DDL rows that the slowest of them has not confirmed (at most: see dts_ddl.check())';
COMMENT ON COLUMN dts_ddl.status.applying IS 'Whether this database is a destination';
COMMENT ON COLUMN dts_ddl.status.applied_id IS 'On a destination: id of the command that was dealt with last';
COMMENT ON COLUMN dts_ddl.status.applied_time IS 'On a destination: when that was';
COMMENT ON COLUMN dts_ddl.status.apply_workers IS 'On a destination: running apply workers of subscriptions that bring DDL';
COMMENT ON COLUMN dts_ddl.status.apply_failures IS 'On a destination: commands in dts_ddl.apply_log that failed and were not applied later';
COMMENT ON COLUMN dts_ddl.status.tables_not_ready IS 'On a destination: tables whose initial copy is not finished';

CREATE FUNCTION dts_ddl.is_document(message text) RETURNS boolean
  LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'is_document_wrapper';
COMMENT ON FUNCTION dts_ddl.is_document(text) IS 'Whether a text can be cast to jsonb';

-- A function stands between view and table, so that the view does not hold the table's columns fast.
CREATE FUNCTION dts_ddl.rows(OUT ddl_text text, OUT id bigint, OUT tag text, OUT username varchar, OUT schema varchar, OUT object_type varchar,
    OUT object_name varchar, OUT client_address varchar, OUT client_port integer, OUT event_time timestamptz, OUT txid_current varchar,
    OUT message text) RETURNS SETOF record
  LANGUAGE sql STABLE
  AS 'SELECT c.ddl_text, c.id, c.tag, c.username, c.schema, c.object_type, c.object_name, c.client_address, c.client_port, c.event_time,
        c.txid_current, c.message FROM public.dts_ddl_command c';
COMMENT ON FUNCTION dts_ddl.rows() IS 'The rows of public.dts_ddl_command, for the view dts_ddl.history';

CREATE VIEW dts_ddl.history AS
  SELECT c.id, c.event_time AS finished, c.tag, c.username AS role, c.object_type, c.object_name AS object,
         CASE WHEN length(t.line) > 100 THEN left(t.line, 98) || '..' ELSE t.line END AS statement,
         CASE WHEN d.message ->> 'replay' = 'false' THEN coalesce(d.message ->> 'replay_reason', 'not for replay') END AS not_replayed_because,
         d.message -> 'nesting' -> 'inside' AS inside,
         c.schema, d.message -> 'search_path' AS search_path, d.message -> 'settings' AS settings, d.message -> 'objects' AS objects,
         d.message ->> 'session_user' AS session_role, c.client_address, c.client_port,
         CASE WHEN c.txid_current ~ '^[0-9]{1,18}$' THEN c.txid_current::bigint END AS transaction, d.message AS message
    FROM dts_ddl.rows() c
    CROSS JOIN LATERAL (SELECT btrim(regexp_replace(c.ddl_text, '[[:space:]]+', ' ', 'g')) AS line) t
    CROSS JOIN LATERAL (SELECT CASE WHEN dts_ddl.is_document(c.message) THEN c.message::jsonb END AS message OFFSET 0) d
   ORDER BY c.id DESC;
COMMENT ON VIEW dts_ddl.history IS 'The captured commands to look at, newest first: one line for each, typed; the whole statement is in public.dts_ddl_command';
COMMENT ON COLUMN dts_ddl.history.id IS 'Ascending number of the command';
COMMENT ON COLUMN dts_ddl.history.finished IS 'Clock time at the end of the command';
COMMENT ON COLUMN dts_ddl.history.tag IS 'Command tag';
COMMENT ON COLUMN dts_ddl.history.role IS 'Role whose rights the command had';
COMMENT ON COLUMN dts_ddl.history.object_type IS 'Type of the main object';
COMMENT ON COLUMN dts_ddl.history.object IS 'Identity of the main object';
COMMENT ON COLUMN dts_ddl.history.statement IS 'The statement in one line, cut after 100 characters';
COMMENT ON COLUMN dts_ddl.history.not_replayed_because IS 'Why another server must not run it; NULL for commands that it runs';
COMMENT ON COLUMN dts_ddl.history.inside IS 'Array: the function, procedure, trigger or DO block that ran it, innermost first; NULL at top level';
COMMENT ON COLUMN dts_ddl.history.schema IS 'First schema of the effective search_path';
COMMENT ON COLUMN dts_ddl.history.search_path IS 'Array: the effective search_path';
COMMENT ON COLUMN dts_ddl.history.settings IS 'Object: settings that differ from PostgreSQL''s built-in defaults';
COMMENT ON COLUMN dts_ddl.history.objects IS 'Array: every object that was touched';
COMMENT ON COLUMN dts_ddl.history.session_role IS 'Role of the session';
COMMENT ON COLUMN dts_ddl.history.client_address IS 'Address of the client; NULL on a Unix-domain socket';
COMMENT ON COLUMN dts_ddl.history.client_port IS 'Port of the client; NULL on a Unix-domain socket';
COMMENT ON COLUMN dts_ddl.history.transaction IS 'Transaction id with epoch, as txid_current() gives it';
COMMENT ON COLUMN dts_ddl.history.message IS 'The whole document; documented in the README';

CREATE FUNCTION dts_ddl.pending_ids(slot name) RETURNS SETOF bigint
  LANGUAGE c STRICT VOLATILE SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'pending_ids_wrapper';
COMMENT ON FUNCTION dts_ddl.pending_ids(name) IS 'Ids of the committed rows that the consumer of a logical slot has not confirmed; reads WAL from there on';
CREATE FUNCTION dts_ddl.pending(slot name) RETURNS SETOF dts_ddl.history
  LANGUAGE sql STRICT VOLATILE SET search_path TO pg_catalog, pg_temp
  AS 'SELECT h.* FROM dts_ddl.pending_ids(slot) AS p(id) JOIN dts_ddl.history h ON h.id = p.id ORDER BY h.id';
COMMENT ON FUNCTION dts_ddl.pending(name) IS 'The committed rows that the consumer of a logical slot has not confirmed, oldest first';

-- No right on new objects for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given ..
DO $revoke$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('REVOKE ALL ON %s FROM %s', o.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
      FROM (
        SELECT c.oid::regclass::text AS what, c.relowner AS owner, coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
          FROM pg_class c WHERE c.oid IN ('dts_ddl.status'::regclass, 'dts_ddl.history'::regclass)
        UNION ALL
        SELECT 'FUNCTION ' || p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_proc p
         WHERE p.oid IN ('dts_ddl.check()'::regprocedure, 'dts_ddl.status_document()'::regprocedure, 'dts_ddl.is_document(text)'::regprocedure, 'dts_ddl.rows()'::regprocedure,
                         'dts_ddl.pending_ids(name)'::regprocedure, 'dts_ddl.pending(name)'::regprocedure)
      ) o
      CROSS JOIN LATERAL aclexplode(o.acl) a
     WHERE a.grantee <> o.owner
     GROUP BY 1
  LOOP
    EXECUTE command;
  END LOOP;
END
$revoke$;
-- .. and for pg_monitor numbers and names, no statements.
GRANT USAGE ON SCHEMA dts_ddl TO pg_monitor;
GRANT EXECUTE ON FUNCTION dts_ddl.check(), dts_ddl.status_document() TO pg_monitor;
GRANT SELECT ON dts_ddl.status TO pg_monitor;
