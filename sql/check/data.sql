-- What logical replication does not carry, and what the captured rows tell of it.
WITH message AS MATERIALIZED (
  SELECT c.id, c.message::jsonb AS document FROM public.dts_ddl_command c
   WHERE c.message LIKE '{%' AND (c.message LIKE '%"volatile":true%' OR c.message LIKE '%"undecoded_rows":%' OR c.message LIKE '%"redacted":%')
), rewritten AS (
  SELECT DISTINCT r ->> 'table' AS name FROM message m CROSS JOIN LATERAL jsonb_array_elements(m.document -> 'rewrites') r
   WHERE (r ->> 'volatile')::boolean AND NOT r -> 'reasons' ? 'materialized view'
), undecoded AS (
  SELECT DISTINCT t.name FROM message m CROSS JOIN LATERAL jsonb_array_elements_text(m.document -> 'undecoded_rows') AS t(name)
), redacted AS (
  SELECT m.id FROM message m WHERE m.document ? 'redacted'
), invalid_index AS (
  SELECT i.indexrelid AS oid FROM pg_index i WHERE NOT i.indisvalid AND i.indexrelid >= 16384
     AND EXISTS (SELECT FROM pg_class c WHERE c.oid = i.indexrelid AND c.relkind = 'i' AND c.relpersistence = 'p')
     AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
), pending_detach AS (
  SELECT format('%s of %s', i.inhrelid::regclass, i.inhparent::regclass) AS name FROM pg_inherits i WHERE {detach_pending}
), sequence AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind = 'S' AND c.relpersistence = 'p' AND c.oid >= 16384 AND n.nspname <> 'dts_ddl'
     AND c.oid IS DISTINCT FROM to_regclass('public.dts_ddl_command_id_seq')
     AND NOT EXISTS (SELECT FROM pg_publication p WHERE (to_jsonb(p) ->> 'puballsequences')::boolean)
), role AS (
  SELECT DISTINCT c.username FROM public.dts_ddl_command c WHERE c.username IS NOT NULL
), missing_role AS (
  SELECT r.username FROM role r WHERE NOT EXISTS (SELECT FROM pg_roles x WHERE x.rolname = r.username)
)
-- where dts_ddl.start_apply() has been called, destination.sql says more
SELECT 'apply', CASE WHEN count(*) > 0 THEN 'error' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('subscription "%s" brings DDL commands, which are not run here', string_agg(s.subname, '", "' ORDER BY s.subname))
            ELSE 'this database applies no DDL of another server' END,
       CASE WHEN count(*) > 0 THEN 'SELECT dts_ddl.start_apply()' END
  FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid AND r.srrelid = 'public.dts_ddl_command'::regclass
 WHERE s.subenabled HAVING to_regclass('dts_ddl.apply_log') IS NULL
UNION ALL
SELECT 'volatile_rewrites', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s tables were rewritten with volatile expressions: %s', count(*), {some_names}) ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'Rows differ where the command was only repeated. A subscription with this extension copies the tables again, but not always (dts_ddl_capture.apply_on_rewrite): note in its dts_ddl.apply_log tells; else copy them' END
  FROM rewritten t
UNION ALL
SELECT 'undecoded_rows', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s tables had rows before they were published: %s', count(*), {some_names}) ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'Copy these tables: rows that were there before are never sent' END
  FROM undecoded t
UNION ALL
SELECT 'secrets', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('secrets were replaced or left out in %s rows: ids %s', count(*),
         {some_ids}) ELSE 'none was in a statement' END,
       CASE WHEN count(*) > 0 THEN 'Set them on the destination by hand' END
  FROM redacted t
UNION ALL
SELECT 'invalid_indexes', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s indexes are invalid: %s', count(*), {some_tables}) ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'REINDEX INDEX or DROP INDEX: they are not on the destination' END
  FROM invalid_index t
UNION ALL
SELECT 'pending_detach', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('DETACH PARTITION .. CONCURRENTLY has not ended: %s', {some_names}) ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'ALTER TABLE .. DETACH PARTITION .. FINALIZE: until then the destination has the partition, and no row tells' END
  FROM pending_detach t
UNION ALL
SELECT 'sequences', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('the values of %s sequences are not replicated: %s', count(*), {some_tables}) ELSE 'none' END,
       CASE WHEN count(*) > 0 THEN 'At cutover set them on the destination (setval)' END
  FROM sequence t
UNION ALL
SELECT 'large_objects', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       format('%s large objects', count(*)),
       CASE WHEN count(*) > 0 THEN 'They are not replicated: copy them at cutover (pg_dump --large-objects)' END
  FROM pg_largeobject_metadata l
UNION ALL
SELECT 'roles', CASE WHEN (SELECT count(*) FROM missing_role) = 0 THEN 'ok' WHEN f.applies THEN 'error' ELSE 'warning' END,
       concat_ws('; ', 'roles used by rows: ' || coalesce((SELECT string_agg(r.username, ', ' ORDER BY r.username) FROM role r), 'none'),
         'do not exist here: ' || (SELECT string_agg(r.username, ', ' ORDER BY r.username) FROM missing_role r)),
       CASE WHEN (SELECT count(*) FROM missing_role) > 0
            THEN CASE WHEN f.applies THEN 'CREATE ROLE here, with its memberships (see also apply_missing_role)' ELSE 'The destination needs them as well for as long as it replays these rows' END END
  FROM (SELECT {applies} AS applies) f
