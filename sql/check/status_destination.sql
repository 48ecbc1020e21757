-- What a destination adds to dts_ddl.status: one JSON object. Only where dts_ddl.start_apply() has made its tables.
SELECT json_build_object(
  'applied_id', l.id,
  'applied_time', l.finished,
  'apply_failures', (SELECT count(*) FROM dts_ddl.apply_log f WHERE f.status = 'failed'
                      AND NOT EXISTS (SELECT FROM dts_ddl.apply_log x WHERE x.id = f.id AND x.entry > f.entry AND x.status = 'applied')
                      AND NOT EXISTS (SELECT FROM dts_ddl.apply_skip k WHERE k.id = f.id)),
  'apply_workers', (SELECT count(*) FROM pg_stat_subscription w JOIN pg_subscription_rel r ON r.srsubid = w.subid
                     WHERE r.srrelid = 'public.dts_ddl_command'::regclass AND w.relid IS NULL AND w.pid IS NOT NULL),
  'tables_not_ready', (SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
                        JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database() WHERE r.srsubstate <> 'r')
)::text
  FROM (SELECT 1) one LEFT JOIN LATERAL (
    SELECT a.id, a.finished FROM dts_ddl.apply_log a WHERE a.status <> 'history' ORDER BY a.entry DESC LIMIT 1) l ON true
