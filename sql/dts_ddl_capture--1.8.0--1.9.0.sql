-- Extension dts_ddl_capture, from 1.8.0 to 1.9.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;
