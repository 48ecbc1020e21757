-- One JSON object for dts_ddl.status. $1: as in consumers.sql.
WITH slot AS (
  SELECT s.active, s.wal_status, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
           s.confirmed_flush_lsn)::bigint AS lag
    FROM pg_replication_slots s WHERE s.slot_type = 'logical' AND s.database = current_database() AND NOT s.temporary
)
SELECT json_build_object(
  'database', current_database(),
  'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'dts_ddl_capture'),
  'capturing', (SELECT count(*) = 4 FROM pg_event_trigger t
                 WHERE t.evtname IN ('dts_intercept_start', 'dts_intercept_drop', 'dts_intercept_rewrite', 'dts_intercept_ddl') AND t.evtenabled = 'O')
               AND current_setting('dts_ddl_capture.enabled') = 'on' AND coalesce(current_setting('event_triggers', true), 'on') = 'on' AND NOT {untold_copy},
  'applying', {applies},
  'rows_kept', (SELECT count(*) FROM public.dts_ddl_command),
  'last_id', dts_ddl.last_id(),
  'last_time', l.event_time,
  'pruned_through', dts_ddl.pruned_through(),
  'gaps', dts_ddl.gaps(),
  'slots', (SELECT count(*) FROM slot),
  'slots_inactive', (SELECT count(*) FROM slot s WHERE NOT s.active),
  'slots_lost', (SELECT count(*) FROM slot s WHERE s.wal_status = 'lost'),
  'slot_lag_bytes', (SELECT max(s.lag) FROM slot s),
  'rows_unconfirmed', (SELECT max(u.rows) FROM jsonb_to_recordset($1::jsonb) AS u(rows bigint))
)::text
  FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT c.event_time FROM public.dts_ddl_command c ORDER BY c.id DESC LIMIT 1) l ON true
