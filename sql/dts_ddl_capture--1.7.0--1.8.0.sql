-- Extension dts_ddl_capture, from 1.7.0 to 1.8.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- It looks nothing up by name: what PostgreSQL does by the search_path for it, it asks for under one of its own.
ALTER FUNCTION public.dts_capture_ddl() RESET search_path;
COMMENT ON FUNCTION public.dts_capture_ddl() IS 'Records a DDL command in public.dts_ddl_command; looks nothing up by name';
