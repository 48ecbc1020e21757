-- Extension dts_ddl_capture, from 1.1.1 to 1.2.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE SEQUENCE dts_ddl.trust_source;
COMMENT ON SEQUENCE dts_ddl.trust_source IS 'On a destination: set where start_apply(trust_source => true) says that who may run DDL on the source is trusted';
CREATE SEQUENCE dts_ddl.apply_tried MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.apply_tried IS 'On a destination: id of the DDL command that was tried last';
CREATE SEQUENCE dts_ddl.apply_tries MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.apply_tries IS 'On a destination: how often it was tried';
CREATE SEQUENCE dts_ddl.apply_standing_at MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.apply_standing_at IS 'On a destination: position in the source, or first DDL command, of the transaction that was tried last';
CREATE SEQUENCE dts_ddl.apply_standing_tries MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.apply_standing_tries IS 'On a destination: how often DDL commands of it were tried in vain';

-- what a dump sets, and not what the owner of the database has set for it; see src/restore.rs
SELECT setval('dts_ddl.restored', 1, false)
 WHERE NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = 'row_security' AND s.setting = 'off' AND s.source = 'session');

-- by the table's OID: whoever owns schema public may put another relation of its name there
CREATE OR REPLACE FUNCTION dts_ddl.rows(OUT ddl_text text, OUT id bigint, OUT tag text, OUT username varchar, OUT schema varchar, OUT object_type varchar,
    OUT object_name varchar, OUT client_address varchar, OUT client_port integer, OUT event_time timestamptz, OUT txid_current varchar,
    OUT message text) RETURNS SETOF record
  LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'rows_wrapper';

DROP FUNCTION dts_ddl.start_apply(bigint, integer);
CREATE FUNCTION dts_ddl.start_apply(after_id bigint DEFAULT NULL, server_number integer DEFAULT NULL, trust_source boolean DEFAULT false)
  RETURNS void
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp SET session_replication_role TO replica
  AS 'MODULE_PATHNAME', 'start_apply_of_wrapper';
COMMENT ON FUNCTION dts_ddl.start_apply(bigint, integer, boolean) IS
  'Makes this database a destination: DDL commands that logical replication brings are run; those up to after_id are history; trust_source: who may run DDL on the source may do what the subscription''s owner may';

-- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given.
DO $revoke$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('REVOKE ALL ON %s FROM %s', o.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
      FROM (
        SELECT 'SEQUENCE ' || c.oid::regclass::text AS what, c.relowner AS owner, coalesce(c.relacl, acldefault('s', c.relowner)) AS acl
          FROM pg_class c WHERE c.oid IN ('dts_ddl.trust_source'::regclass, 'dts_ddl.apply_tried'::regclass, 'dts_ddl.apply_tries'::regclass,
                           'dts_ddl.apply_standing_at'::regclass, 'dts_ddl.apply_standing_tries'::regclass)
        UNION ALL
        SELECT 'FUNCTION ' || p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_proc p WHERE p.oid = 'dts_ddl.start_apply(bigint, integer, boolean)'::regprocedure
      ) o
      CROSS JOIN LATERAL aclexplode(o.acl) a
     WHERE a.grantee <> o.owner
     GROUP BY 1
  LOOP
    EXECUTE command;
  END LOOP;
END
$revoke$;

-- On a destination: commands that could drop the extension load the library, which keeps it.
DO $destination$
DECLARE
  enabled "char";
BEGIN
  SELECT e.evtenabled INTO enabled FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_subscribe';
  IF enabled IS NOT NULL THEN
    ALTER EXTENSION dts_ddl_capture DROP EVENT TRIGGER dts_intercept_subscribe;
    DROP EVENT TRIGGER dts_intercept_subscribe;
    CREATE EVENT TRIGGER dts_intercept_subscribe ON ddl_command_start
      WHEN TAG IN ('CREATE SUBSCRIPTION', 'DROP EXTENSION', 'DROP OWNED', 'DROP SCHEMA', 'ALTER SCHEMA') EXECUTE FUNCTION dts_ddl.subscribe_start();
    COMMENT ON EVENT TRIGGER dts_intercept_subscribe IS 'Extension dts_ddl_capture: a subscription of a destination begins, or a command that could take the extension away';
    IF enabled <> 'O' THEN
      ALTER EVENT TRIGGER dts_intercept_subscribe DISABLE;
    END IF;
  END IF;
END
$destination$;
