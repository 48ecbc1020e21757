-- Extension dts_ddl_capture, from 1.2.0 to 1.3.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- No row tells of indexes that are not valid, and pg_dump leaves them out: they are marked as such (src/pg/index.rs).
DELETE FROM pg_depend d USING pg_index i
 WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND i.indisvalid
   AND d.refclassid = 'pg_proc'::regclass AND d.refobjid = 'pg_index_has_property(regclass, text)'::regprocedure;
INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
SELECT 'pg_class'::regclass, i.indexrelid, 0, 'pg_proc'::regclass, 'pg_index_has_property(regclass, text)'::regprocedure, 0, 'n'
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_proc'::regclass AND d.refobjid = 'pg_index_has_property(regclass, text)'::regprocedure);

CREATE FUNCTION dts_ddl.copy_table(subscription name, tbl regclass) RETURNS bigint
  LANGUAGE c STRICT VOLATILE SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'copy_table_wrapper';
COMMENT ON FUNCTION dts_ddl.copy_table(name, regclass) IS
  'Enters a table in a disabled subscription as one to be copied, and takes its rows here away; of a partitioned one its partitions; returns how many are to be copied';

CREATE OR REPLACE VIEW dts_ddl.status AS
  SELECT s.* FROM jsonb_to_record(dts_ddl.status_document()::jsonb) AS s(
    database name, version text, capturing boolean, rows_kept bigint, last_id bigint, last_time timestamptz,
    pruned_through bigint, gaps bigint, slots bigint, slots_inactive bigint, slots_lost bigint, slot_lag_bytes bigint,
    rows_unconfirmed bigint, applying boolean, applied_id bigint, applied_time timestamptz, apply_workers bigint,
    apply_failures bigint, tables_not_ready bigint, stopped_id bigint, stopped_since timestamptz, waiting_for text, waiting_seconds bigint,
    silent_seconds bigint, received_lsn pg_lsn);
COMMENT ON COLUMN dts_ddl.status.stopped_id IS 'On a destination: id of the command at which an apply worker stands still';
COMMENT ON COLUMN dts_ddl.status.stopped_since IS 'On a destination: since when a worker of a subscription stands still';
COMMENT ON COLUMN dts_ddl.status.waiting_for IS 'On a destination: processes for whose locks apply waits';
COMMENT ON COLUMN dts_ddl.status.waiting_seconds IS 'On a destination: for how long (NULL before 14)';
COMMENT ON COLUMN dts_ddl.status.silent_seconds IS 'On a destination: seconds since the apply worker last took a message from its publisher';
COMMENT ON COLUMN dts_ddl.status.received_lsn IS 'On a destination: position in the WAL of the publisher up to which messages have come';

CREATE FUNCTION dts_ddl.stops(OUT subscription text, OUT copied_table text, OUT since timestamptz, OUT last timestamptz, OUT failures bigint,
    OUT id bigint, OUT tag text, OUT role text, OUT ddl_text text, OUT sqlstate text, OUT error text, OUT detail text, OUT hint text,
    OUT context text) RETURNS SETOF record
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'stops_wrapper';
COMMENT ON FUNCTION dts_ddl.stops() IS
  'On a destination: each subscription, or copy of a table, that stands still; since when, by what error, and at which DDL command';

CREATE FUNCTION dts_ddl.script_rows() RETURNS trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'script_rows_wrapper';
COMMENT ON FUNCTION dts_ddl.script_rows() IS 'On a destination: a replicated row takes the place of an equal one that the script of CREATE EXTENSION wrote';

-- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given.
DO $revoke$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('REVOKE ALL ON FUNCTION %s FROM %s', p.oid::regprocedure,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
      FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     WHERE p.oid IN ('dts_ddl.copy_table(name, regclass)'::regprocedure, 'dts_ddl.stops()'::regprocedure,
                     'dts_ddl.script_rows()'::regprocedure) AND a.grantee <> p.proowner
     GROUP BY 1
  LOOP
    EXECUTE command;
  END LOOP;
END
$revoke$;
