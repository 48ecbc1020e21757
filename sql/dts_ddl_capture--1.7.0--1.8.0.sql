-- Extension dts_ddl_capture, from 1.7.0 to 1.8.0: run by ALTER EXTENSION .. UPDATE and by a new installation.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- It looks nothing up by name: what PostgreSQL does by the search_path for it, it asks for under one of its own.
ALTER FUNCTION public.dts_capture_ddl() RESET search_path;
COMMENT ON FUNCTION public.dts_capture_ddl() IS 'Records a DDL command in public.dts_ddl_command; looks nothing up by name';

-- The key "session_user" is there only where it says more than the column username.
CREATE OR REPLACE VIEW dts_ddl.history AS
  SELECT c.id, c.event_time AS finished, c.tag, c.username AS role, c.object_type, c.object_name AS object,
         CASE WHEN length(t.line) > 100 THEN left(t.line, 98) || '..' ELSE t.line END AS statement,
         CASE WHEN d.message ->> 'replay' = 'false' THEN coalesce(d.message ->> 'replay_reason', 'not for replay') END AS not_replayed_because,
         d.message -> 'nesting' -> 'inside' AS inside,
         c.schema, d.message -> 'search_path' AS search_path, d.message -> 'settings' AS settings, d.message -> 'objects' AS objects,
         CASE WHEN d.message IS NOT NULL THEN coalesce(d.message ->> 'session_user', c.username) END AS session_role, c.client_address, c.client_port,
         CASE WHEN c.txid_current ~ '^[0-9]{1,18}$' THEN c.txid_current::bigint END AS transaction, d.message AS message
    FROM dts_ddl.rows() c
    CROSS JOIN LATERAL (SELECT btrim(regexp_replace(c.ddl_text, '[[:space:]]+', ' ', 'g')) AS line) t
    CROSS JOIN LATERAL (SELECT CASE WHEN dts_ddl.is_document(c.message) THEN c.message::jsonb END AS message OFFSET 0) d
   ORDER BY c.id DESC;
