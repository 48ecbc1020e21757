-- What a destination adds to dts_ddl.status: one JSON object. Only where dts_ddl.start_apply() has made its tables.
WITH worker AS MATERIALIZED (
  SELECT w.pid, w.relid, w.last_msg_receipt_time, w.received_lsn FROM pg_stat_subscription w
   WHERE w.pid IS NOT NULL AND w.subid IN (SELECT s.oid FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database())
)
SELECT json_build_object(
  'applied_id', l.id,
  'applied_time', l.finished,
  'apply_failures', (SELECT count(*) FROM dts_ddl.apply_log f WHERE f.status = 'failed'
                      AND NOT EXISTS (SELECT FROM dts_ddl.apply_log x WHERE x.id = f.id AND x.entry > f.entry AND x.status = 'applied')
                      AND NOT EXISTS (SELECT FROM dts_ddl.apply_skip k WHERE k.id = f.id)),
  'apply_workers', (SELECT count(*) FROM pg_stat_subscription w JOIN pg_subscription_rel r ON r.srsubid = w.subid
                     WHERE r.srrelid = 'public.dts_ddl_command'::regclass AND w.relid IS NULL AND w.pid IS NOT NULL),
  'tables_not_ready', (SELECT count(*) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
                        JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database() WHERE r.srsubstate <> 'r'),
  'stopped_id', t.id,
  'stopped_since', t.since,
  'waiting_for', b.waiting_for,
  'waiting_seconds', extract(epoch FROM clock_timestamp() - b.since)::bigint,
  'silent_seconds', extract(epoch FROM clock_timestamp() - m.heard)::bigint,
  'received_lsn', m.received_lsn
)::text
  FROM (SELECT 1) one
  LEFT JOIN LATERAL (SELECT min(s.id) AS id, min(s.since) AS since FROM {stops} s) t ON true
  LEFT JOIN LATERAL (
    SELECT string_agg(DISTINCT x.pid::text, ', ') AS waiting_for,
           min((SELECT min((to_jsonb(l) ->> 'waitstart')::timestamptz) FROM pg_locks l WHERE l.pid = w.pid AND NOT l.granted)) AS since
      FROM worker w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS x(pid) WHERE x.pid NOT IN (SELECT y.pid FROM worker y)) b ON true
  LEFT JOIN LATERAL (
    SELECT min(w.last_msg_receipt_time) AS heard, min(w.received_lsn) AS received_lsn FROM worker w WHERE w.relid IS NULL) m ON true
  LEFT JOIN LATERAL (
    SELECT a.id, a.finished FROM dts_ddl.apply_log a WHERE a.status <> 'history' ORDER BY a.entry DESC LIMIT 1) l ON true
