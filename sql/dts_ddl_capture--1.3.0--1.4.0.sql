-- Extension dts_ddl_capture, from 1.3.0 to 1.4.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Retention goes by ids and counts no rows. They stay, so that capture goes on in sessions that have the library of 1.3.0 or an
-- older one loaded.
COMMENT ON SEQUENCE dts_ddl.row_count IS 'Unused since 1.4.0; needed by sessions that have an older library loaded';
COMMENT ON SEQUENCE dts_ddl.counted_id IS 'Unused since 1.4.0; needed by sessions that have an older library loaded';
