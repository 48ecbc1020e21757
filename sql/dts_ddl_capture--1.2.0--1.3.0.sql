-- Extension dts_ddl_capture, from 1.2.0 to 1.3.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE FUNCTION dts_ddl.stops(OUT subscription text, OUT copied_table text, OUT since timestamptz, OUT last timestamptz, OUT failures bigint,
    OUT id bigint, OUT tag text, OUT role text, OUT ddl_text text, OUT sqlstate text, OUT error text, OUT detail text, OUT hint text,
    OUT context text) RETURNS SETOF record
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'stops_wrapper';
COMMENT ON FUNCTION dts_ddl.stops() IS
  'On a destination: each subscription, or copy of a table, that stands still; since when, by what error, and at which DDL command';

-- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given.
DO $revoke$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('REVOKE ALL ON FUNCTION %s FROM %s', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
      FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
     WHERE p.oid IN ('dts_ddl.stops()'::regprocedure) AND a.grantee <> p.proowner
     GROUP BY 1
  LOOP
    EXECUTE command;
  END LOOP;
END
$revoke$;
