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
