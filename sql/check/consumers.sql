-- Logical slots of this database, and what they have not confirmed. $1: JSON array of one object for each slot: slot, rows,
-- exact, lowest_id (what src/read/pending.rs has found out).
WITH slot AS (
  SELECT s.slot_name, s.active, s.wal_status, s.safe_wal_size, s.confirmed_flush_lsn,
         to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
         coalesce((to_jsonb(s) ->> 'conflicting')::boolean, false) AS conflicting,
         (to_jsonb(s) ->> 'inactive_since')::timestamptz AS inactive_since,
         pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, s.confirmed_flush_lsn)::bigint AS lag,
         u.rows, u.exact, u.lowest_id, s.plugin, s.catalog_xmin,
         (SELECT c.event_time FROM public.dts_ddl_command c WHERE c.id = u.lowest_id) AS oldest
    FROM pg_replication_slots s
    LEFT JOIN jsonb_to_recordset($1::jsonb) AS u(slot name, rows bigint, exact boolean, lowest_id bigint) ON u.slot = s.slot_name
   WHERE s.slot_type = 'logical' AND s.database = current_database() AND NOT s.temporary
), judged AS (
  SELECT s.*, s.wal_status = 'lost' OR s.invalidation_reason IS NOT NULL OR s.conflicting AS is_lost,
         NOT (s.wal_status = 'lost' OR s.invalidation_reason IS NOT NULL OR s.conflicting) AND (
           s.wal_status = 'unreserved'
           OR s.safe_wal_size < (SELECT t.setting::bigint * 1048576 / 5 FROM pg_settings t WHERE t.name = 'max_slot_wal_keep_size' AND t.setting::bigint >= 0)
           OR NOT s.active AND s.inactive_since < now() - (SELECT interval '1 s' * t.setting::bigint * CASE t.unit WHEN 'min' THEN 60 ELSE 1 END * 0.8
                FROM pg_settings t WHERE t.name = 'idle_replication_slot_timeout' AND t.setting::bigint > 0)) IS TRUE AS is_endangered
    FROM slot s
), too_young AS (
  -- up to 17 what is decoded from before a publication was made ends in an error
  SELECT j.slot_name, string_agg(format('"%s"', p.pubname), ', ' ORDER BY p.pubname) AS publications
    FROM judged j JOIN pg_publication p ON age(p.xmin) <= age(j.catalog_xmin)
   WHERE j.plugin = 'pgoutput' AND NOT j.active AND current_setting('server_version_num')::integer < 180000
   GROUP BY j.slot_name
), retained AS (
  SELECT min(c.id) AS lowest, max(c.id) AS highest, count(*) AS rows FROM public.dts_ddl_command c
), fact AS (
  SELECT {applies} AS applies,
         current_setting('dts_ddl_capture.max_rows')::bigint AS max_rows,
         (SELECT s.setting::bigint FROM pg_settings s WHERE s.name = 'dts_ddl_capture.max_age') AS max_age,
         dts_ddl.pruned_through() AS pruned,
         dts_ddl.gaps() AS gaps,
         dts_ddl.last_id() AS last_id
)
SELECT 'slots',
       CASE WHEN bool_or(j.is_lost OR j.is_endangered OR j.lag < 0) THEN 'error'
            WHEN count(j.*) = 0 AND NOT f.applies OR bool_or(NOT j.active OR j.lag > 1073741824 OR j.oldest < now() - interval '1 hour') THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(format('"%s" %s, %s, %s%s', j.slot_name,
           CASE WHEN j.active THEN 'active' WHEN j.inactive_since IS NOT NULL THEN format('inactive since %s', date_trunc('second', j.inactive_since)) ELSE 'inactive' END,
           CASE WHEN j.lag < 0 THEN format('%s bytes AHEAD of this server', -j.lag) ELSE format('%s bytes behind', coalesce(j.lag::text, '?')) END,
           CASE WHEN j.rows IS NULL THEN 'rows not confirmed: unknown'
                WHEN j.exact THEN format('%s rows not confirmed', j.rows) ELSE format('at most %s rows not confirmed', j.rows) END
             || CASE WHEN j.oldest < now() - interval '1 hour' THEN format(' (the oldest of %s)', date_trunc('second', j.oldest)) ELSE '' END,
           CASE WHEN j.is_lost THEN format(', INVALID (%s)', coalesce(j.invalidation_reason, j.wal_status))
                WHEN j.is_endangered THEN format(', about to be invalidated (WAL %s, %s bytes left)', j.wal_status, coalesce(j.safe_wal_size::text, '?')) ELSE '' END
             || coalesce(', made or read up to before publication ' || y.publications, '')), '; ' ORDER BY j.slot_name) FILTER (WHERE j.slot_name IS NOT NULL),
         'no logical slot in this database'),
       CASE WHEN bool_or(j.is_lost) THEN 'The consumer has lost changes: make a new slot and a new copy; raise max_slot_wal_keep_size'
            WHEN bool_or(j.lag < 0)
            THEN 'This server has lost WAL that the consumer had (a standby that was promoted without it): commands and rows up to there are not sent. Stop writing here, disable the consumer, and make a new copy: docs/failover.md'
            WHEN bool_or(j.is_endangered) THEN 'Let the consumer catch up now, or raise max_slot_wal_keep_size (idle_replication_slot_timeout)'
            WHEN count(j.*) = 0 AND NOT f.applies THEN 'Start the consumer: what it has no slot for is not kept for it'
            WHEN bool_or(y.publications IS NOT NULL)
            THEN 'If its consumer fails with "publication .. does not exist": SELECT pg_catalog.pg_drop_replication_slot(..), and make the slot again, after the publication'
            WHEN bool_or(NOT j.active) THEN 'Start the consumer, or drop a slot that nobody needs: it keeps WAL and old catalog rows'
            WHEN bool_or(j.lag > 1073741824) THEN 'The consumer is behind by more than 1 GB: see to it'
            WHEN bool_or(j.oldest < now() - interval '1 hour') THEN 'The consumer has not confirmed DDL for more than an hour: its log says why' END
  FROM fact f LEFT JOIN judged j ON true LEFT JOIN too_young y ON y.slot_name = j.slot_name GROUP BY f.applies
UNION ALL
-- a walsender shows the command of its consumer, which says whether it takes transactions before their end
SELECT 'streaming', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format(CASE WHEN current_setting('server_version_num')::integer / 10000 = 18
              THEN 'slots %s: a publisher of PostgreSQL 18 can make an apply worker crash, and with it the subscriber''s server, again and again'
              ELSE 'slots %s: this minor of PostgreSQL can fail for good to decode a large transaction with DDL in a savepoint that it has rolled back' END, {some_names}) ELSE 'no consumer is in danger' END,
       CASE WHEN count(*) > 0 THEN 'On the subscriber ALTER SUBSCRIPTION .. SET (streaming = off); or here logical_decoding_work_mem larger than any transaction that may be rolled back: docs/limits.md' END
  FROM (SELECT format('"%s"', s.slot_name) AS name FROM pg_replication_slots s LEFT JOIN pg_stat_activity a ON a.pid = s.active_pid
         WHERE s.plugin = 'pgoutput' AND s.database = current_database() AND NOT s.temporary
           AND (a.pid IS NULL OR a.query !~ '^START_REPLICATION' OR a.query ~ $$[( ]streaming '(on|parallel)'$$)
           -- 15.20 and 17.12 decode such transactions; of the others these failed
           AND (current_setting('server_version_num')::integer BETWEEN 140000 AND 140023 OR current_setting('server_version_num')::integer BETWEEN 150000 AND 150019
             OR current_setting('server_version_num')::integer BETWEEN 160000 AND 160015 OR current_setting('server_version_num')::integer BETWEEN 170000 AND 170011
             OR current_setting('server_version_num')::integer >= 180000)
           AND (SELECT t.setting::bigint FROM pg_settings t WHERE t.name = 'logical_decoding_work_mem') < 1048576) t
UNION ALL
SELECT 'retention',
       CASE WHEN bool_or(j.lowest_id <= f.pruned OR j.rows > f.max_rows AND f.max_rows > 0) THEN 'error'
            WHEN bool_or(j.rows > f.max_rows * 0.8 AND f.max_rows > 0) OR f.max_rows BETWEEN 1 AND 99 OR f.max_age BETWEEN 1 AND 3599 THEN 'warning' ELSE 'ok' END,
       format('%s rows are kept (ids %s to %s; max_rows = %s, max_age = %s), ids up to %s are pruned; the slowest slot has not confirmed %s',
         r.rows, coalesce(r.lowest::text, '-'), coalesce(r.highest::text, '-'), f.max_rows, f.max_age, f.pruned, coalesce(max(j.rows)::text, '-')),
       CASE WHEN bool_or(j.rows > f.max_rows * 0.8 AND f.max_rows > 0 OR j.lowest_id <= f.pruned) OR f.max_rows BETWEEN 1 AND 99 OR f.max_age BETWEEN 1 AND 3599
            THEN 'Raise dts_ddl_capture.max_rows (and max_age): a consumer that reads the table again, or a script, would miss commands' END
  FROM fact f CROSS JOIN retained r LEFT JOIN judged j ON true
 GROUP BY f.pruned, f.max_rows, f.max_age, r.rows, r.lowest, r.highest
UNION ALL
SELECT 'gaps', CASE WHEN f.gaps > 0 THEN 'error' ELSE 'ok' END, format('%s commands went through without a row', f.gaps),
       CASE WHEN f.gaps > 0 THEN 'Find them in the server log ("DDL command was not captured") and run them on the destination; set on_error = error again; SELECT pg_catalog.setval(''dts_ddl.gap_count'', 1, false) ends this alarm' END
  FROM fact f
UNION ALL
SELECT 'ids', CASE WHEN f.last_id < coalesce(r.highest, 0) AND NOT f.applies OR q.remaining < 1000 THEN 'error' WHEN q.remaining < 1000000 THEN 'warning' ELSE 'ok' END,
       format('last id given: %s, highest row: %s', f.last_id, coalesce(r.highest, 0)) || CASE WHEN q.remaining < 1000000 THEN format(', ids left: %s', q.remaining) ELSE '' END,
       CASE WHEN f.last_id < coalesce(r.highest, 0) AND NOT f.applies
            THEN format('SELECT pg_catalog.setval(''public.dts_ddl_command_id_seq'', %s): DDL fails when it meets an id that is taken', r.highest)
            WHEN q.remaining < 1000000 THEN 'ALTER SEQUENCE public.dts_ddl_command_id_seq AS bigint NO MAXVALUE (and setval, where it was set too high): DDL fails at the end' END
  FROM fact f CROSS JOIN retained r
  LEFT JOIN LATERAL (SELECT (s.seqmax - f.last_id) / s.seqincrement AS remaining FROM pg_sequence s
                      WHERE s.seqrelid = to_regclass('public.dts_ddl_command_id_seq')) q ON true
UNION ALL
SELECT 'transactions', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(t.who, '; ' ORDER BY t.who), 'none is prepared with DDL or open for more than an hour'),
       CASE WHEN count(*) > 0 THEN string_agg(t.remedy, ', ' ORDER BY t.who) || ': consumers get nothing of it, and slots keep all WAL since its beginning' END
  FROM (
    -- locks of prepared transactions belong to no process
    WITH lock AS MATERIALIZED (SELECT l.* FROM pg_locks l WHERE l.pid IS NULL)
    SELECT format('transaction "%s" is prepared%s since %s', p.gid, CASE WHEN h.has_ddl THEN ', with DDL,' ELSE '' END, date_trunc('second', p.prepared)) AS who,
           format('COMMIT PREPARED %L (or ROLLBACK PREPARED)', p.gid) AS remedy
      FROM pg_prepared_xacts p
     CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM lock x JOIN lock l USING (virtualtransaction) WHERE x.transactionid = p.transaction
                                           AND l.relation = 'public.dts_ddl_command'::regclass AND l.mode = 'RowExclusiveLock') AS has_ddl) h
     WHERE p.database = current_database() AND (h.has_ddl OR p.prepared < now() - interval '1 hour')
    UNION ALL
    SELECT format('process %s has a transaction open since %s', a.pid, date_trunc('second', a.xact_start)), format('let process %s commit or roll back', a.pid)
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL AND a.xact_start < now() - interval '1 hour'
  ) t
