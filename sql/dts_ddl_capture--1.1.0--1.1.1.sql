-- Extension dts_ddl_capture, from 1.1.0 to 1.1.1: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Its queries find operators by name: none that somebody has planted in a schema of the caller's search_path.
ALTER FUNCTION dts_ddl.adopt_tables(name) SET search_path TO pg_catalog, pg_temp;
