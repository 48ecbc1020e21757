-- A destination: what applies, what failed, what is missing. Only where dts_ddl.start_apply() has made its tables.
-- Placeholders: src/read/check/mod.rs.
WITH subscription AS (
  SELECT s.oid, s.subname, s.subenabled, r.srsubstate,
         EXISTS (SELECT FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.relid IS NULL AND w.pid IS NOT NULL) AS is_running,
         ({statistics}) AS errors
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
    LEFT JOIN pg_subscription_rel r ON r.srsubid = s.oid AND r.srrelid = 'public.dts_ddl_command'::regclass
), stop AS (
  SELECT s.* FROM {stops} s
), worker AS MATERIALIZED (
  SELECT s.subname, w.pid, w.relid, w.last_msg_receipt_time FROM pg_stat_subscription w JOIN subscription s ON s.oid = w.subid WHERE w.pid IS NOT NULL
), blocker AS MATERIALIZED (
  -- processes of others for whose locks a worker waits; 0 is a prepared transaction
  SELECT w.subname, w.pid, b.pid AS by, b.pid = 0 AS is_prepared,
         (SELECT min((to_jsonb(l) ->> 'waitstart')::timestamptz) FROM pg_locks l WHERE l.pid = w.pid AND NOT l.granted) AS since
    FROM worker w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b(pid)
   WHERE b.pid NOT IN (SELECT x.pid FROM worker x)
), brings AS (
  SELECT s.subname, s.subpublications, s.subowner, coalesce((to_jsonb(s) ->> 'subrunasowner')::boolean, true) AS runs_as_owner
    FROM pg_subscription s JOIN subscription b ON b.oid = s.oid WHERE b.srsubstate IS NOT NULL
), capture_trigger AS (
  SELECT count(*) AS present, count(*) FILTER (WHERE t.tgenabled = 'R') AS enabled FROM pg_trigger t
   WHERE t.tgrelid = 'public.dts_ddl_command'::regclass AND t.tgname IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')
), fact AS (
  SELECT t.present > 0 AS applies, t.present = 3 AND t.enabled = 3
           AND (SELECT count(*) FROM pg_event_trigger e WHERE e.evtname IN ('dts_intercept_subscribe', 'dts_intercept_subscribed') AND e.evtenabled = 'O') = 2 AS is_whole,
         EXISTS (SELECT FROM subscription s WHERE s.subenabled AND s.srsubstate IS NOT NULL) AS is_brought
    FROM capture_trigger t
), last AS (
  SELECT l.id, l.finished FROM dts_ddl.apply_log l WHERE l.status <> 'history' ORDER BY l.entry DESC LIMIT 1
), failed AS (
  SELECT l.id, l.role, l.sqlstate FROM dts_ddl.apply_log l
   WHERE l.status = 'failed' AND NOT EXISTS (SELECT FROM dts_ddl.apply_log x WHERE x.id = l.id AND x.entry > l.entry AND x.status = 'applied')
     AND NOT EXISTS (SELECT FROM dts_ddl.apply_skip k WHERE k.id = l.id)
), unready AS (
  SELECT r.srrelid AS oid FROM pg_subscription_rel r JOIN subscription s ON s.oid = r.srsubid WHERE r.srsubstate <> 'r'
), outside AS (
  -- of a partition its own entry counts, or that of the table that it belongs to
  SELECT c.oid FROM fact f CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE f.applies AND EXISTS (SELECT FROM subscription s WHERE s.srsubstate IS NOT NULL)
     AND c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'dts_ddl')
     AND c.oid NOT IN (SELECT r.srrelid FROM pg_subscription_rel r)
), message AS MATERIALIZED (
  SELECT c.id, c.object_name, c.message::jsonb -> 'published' AS published FROM public.dts_ddl_command c
   WHERE c.message LIKE '{%' AND c.message LIKE '%"published":%' AND EXISTS (SELECT FROM fact f WHERE f.applies)
), sent AS (
  -- what the source sends of tables that commands have made, named or as members of an extension
  SELECT m.id, replace(e ->> 'table', '"', '') AS name, CASE WHEN e -> 'table' IS NULL THEN m.object_name END AS extension
    FROM message m CROSS JOIN LATERAL jsonb_array_elements(m.published) e
   WHERE EXISTS (SELECT FROM jsonb_array_elements_text(e -> 'publications') AS p(name) JOIN brings b ON p.name = ANY (b.subpublications))
), skipped AS (
  SELECT l.id FROM dts_ddl.apply_log l WHERE l.status IN ('failed', 'skipped')
), lost AS (
  -- also partitions whose own command was not run here
  SELECT o.oid FROM outside o JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE replace(format('%I.%I', n.nspname, c.relname), '"', '') IN (SELECT s.name FROM sent s)
  UNION
  SELECT c.oid FROM sent s JOIN skipped k USING (id) JOIN pg_class c ON c.relkind = 'r' AND c.relispartition JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE replace(format('%I.%I', n.nspname, c.relname), '"', '') = s.name AND c.oid NOT IN (SELECT r.srrelid FROM pg_subscription_rel r)
  UNION
  SELECT o.oid FROM sent s JOIN skipped k USING (id) JOIN pg_extension e ON e.extname = s.extension
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN outside o ON o.oid = d.objid
)
SELECT 'apply', CASE WHEN f.applies AND NOT f.is_whole OR NOT f.applies AND f.is_brought THEN 'error' ELSE 'ok' END,
       concat_ws('; ', CASE WHEN NOT f.applies AND f.is_brought THEN 'apply is off, but a subscription brings DDL commands'
                            WHEN NOT f.applies THEN 'apply is off' WHEN f.is_whole THEN 'apply is on' ELSE 'triggers of apply are missing or disabled' END,
         CASE WHEN EXISTS (SELECT FROM last) THEN (SELECT format('last command: id %s, %s ago', l.id, date_trunc('second', clock_timestamp() - l.finished)) FROM last l)
              ELSE 'no command has come yet' END),
       CASE WHEN f.applies AND NOT f.is_whole THEN 'SELECT dts_ddl.stop_apply(), then dts_ddl.start_apply()'
            WHEN NOT f.applies AND f.is_brought THEN 'SELECT dts_ddl.start_apply(), or end the subscription' END
  FROM fact f
UNION ALL
SELECT 'subscription',
       CASE WHEN NOT f.applies THEN 'ok' WHEN count(s.srsubstate) = 0 OR bool_or(s.srsubstate IS NOT NULL AND NOT (s.subenabled AND s.is_running)) THEN 'error'
            WHEN count(t.subscription) > 0 THEN 'error' WHEN bool_or(s.errors > 0) THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(format('"%s" %s%s%s', s.subname,
           CASE WHEN NOT s.subenabled THEN 'is disabled' WHEN t.subscription IS NOT NULL THEN 'stands still' WHEN s.is_running THEN 'is running' ELSE 'has no running apply worker' END,
           CASE WHEN s.srsubstate IS NULL THEN ', does not bring public.dts_ddl_command' WHEN s.srsubstate <> 'r' THEN ', still copies public.dts_ddl_command' ELSE '' END,
           CASE WHEN s.errors > 0 THEN format(', %s errors of the worker so far', s.errors) ELSE '' END), '; ' ORDER BY s.subname) FILTER (WHERE s.subname IS NOT NULL), 'no subscription'),
       CASE WHEN NOT f.applies THEN NULL
            WHEN count(s.srsubstate) = 0 THEN 'Publish public.dts_ddl_command on the source, and CREATE or ALTER SUBSCRIPTION .. REFRESH PUBLICATION here'
            WHEN bool_or(NOT s.subenabled) THEN 'ALTER SUBSCRIPTION .. ENABLE'
            WHEN count(t.subscription) > 0 THEN 'Check "apply_stopped" has the reason'
            WHEN bool_or(NOT s.is_running) THEN 'SELECT * FROM dts_ddl.stops() or the server log has the reason'
            WHEN bool_or(s.errors > 0) THEN 'It has gone on since: SELECT pg_catalog.pg_stat_reset_subscription_stats(NULL) counts anew' END
  FROM fact f LEFT JOIN subscription s ON true LEFT JOIN (SELECT DISTINCT x.subscription FROM stop x) t ON t.subscription = s.subname GROUP BY f.applies
UNION ALL
SELECT 'apply_stopped', CASE WHEN count(*) > 0 THEN 'error' ELSE 'ok' END,
       coalesce(string_agg(format('"%s" has stood still since %s%s%s%s: %s', t.subscription, date_trunc('second', t.since),
           ', copying ' || t.copied_table, ' at DDL command ' || t.id || ' (' || t.tag || ')', format(', %s failures', t.failures), left(t.error, 500)), '; ' ORDER BY t.since), 'nothing stands still'),
       CASE WHEN count(*) > 0 THEN concat_ws('; ', 'SELECT * FROM dts_ddl.stops() says all of it. Mend the cause, and it goes on by itself',
         CASE WHEN count(t.id) > 0 THEN format('or SELECT dts_ddl.skip(%s), which leaves the command out', min(t.id)) END,
         CASE WHEN bool_or(t.tag ~ '^(CREATE TABLE|CREATE TABLE AS|SELECT INTO|CREATE EXTENSION|ALTER EXTENSION|CREATE SCHEMA|IMPORT FOREIGN SCHEMA)$')
              THEN 'or skip it, make its tables by hand, and copy them: ALTER SUBSCRIPTION .. DISABLE, SELECT dts_ddl.copy_table(subscription, table), .. ENABLE: without that their rows go nowhere'
              WHEN count(t.id) > 0 THEN 'or skip it, and copy the tables again whose rows differ then: ALTER SUBSCRIPTION .. DISABLE, SELECT dts_ddl.copy_table(subscription, table), .. ENABLE' END) END
  FROM stop t
UNION ALL
SELECT 'apply_waits', CASE WHEN bool_or(b.since < clock_timestamp() - interval '5 minutes') THEN 'error' WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(format('"%s" (process %s) waits%s for %s', b.subname, b.pid, ' since ' || date_trunc('second', b.since),
           CASE WHEN b.is_prepared THEN 'a prepared transaction'
                ELSE format('process %s (%s, transaction since %s): %s', b.by, coalesce(a.usename, a.backend_type), coalesce(date_trunc('second', a.xact_start)::text, '?'),
                       left(regexp_replace(a.query, '[[:space:]]+', ' ', 'g'), 80)) END), '; ' ORDER BY b.pid, b.by), 'apply waits for nobody'),
       CASE WHEN count(*) > 0 THEN 'Everything behind it waits, too. Let it commit or roll back: '
         || string_agg(DISTINCT CASE WHEN b.is_prepared THEN 'COMMIT PREPARED or ROLLBACK PREPARED what pg_prepared_xacts shows' ELSE format('SELECT pg_catalog.pg_terminate_backend(%s)', b.by) END, ', ') END
  FROM blocker b LEFT JOIN pg_stat_activity a ON a.pid = b.by
UNION ALL
SELECT 'apply_silence', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(format('"%s" took its last message from the publisher %s ago', w.subname, date_trunc('second', clock_timestamp() - w.last_msg_receipt_time)), '; ' ORDER BY w.subname),
         'messages have come in the last two minutes'),
       CASE WHEN count(*) > 0 THEN 'It works at something long (pg_stat_activity), waits (check "apply_waits"), or the publisher cannot send: see pg_stat_replication there' END
  FROM worker w WHERE w.relid IS NULL AND w.last_msg_receipt_time < clock_timestamp() - interval '2 minutes'
UNION ALL
SELECT 'apply_failures', CASE WHEN count(*) > 0 THEN 'error' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s commands failed: ids %s', count(*),
         {some_ids}) ELSE 'no command failed' END,
       CASE WHEN count(*) > 0 THEN 'Read dts_ddl.apply_log (error, ddl_text), and run by hand what is missing; SELECT dts_ddl.skip(id) then takes it off this list' END
  FROM failed t
UNION ALL
SELECT 'apply_notes', CASE WHEN count(*) > 0 THEN 'warning' ELSE 'ok' END,
       CASE WHEN count(*) > 0 THEN format('%s commands have a note: ids %s', count(*),
         {some_ids}) ELSE 'no command needs attention' END,
       CASE WHEN count(*) > 0 THEN 'Read dts_ddl.apply_log (note): rows to be copied (dts_ddl.copy_table), settings or roles that do not exist here; SELECT dts_ddl.skip(id) then takes it off this list' END
  FROM dts_ddl.apply_log t WHERE t.note IS NOT NULL AND t.status <> 'not for replay' AND NOT EXISTS (SELECT FROM dts_ddl.apply_skip k WHERE k.id = t.id)
UNION ALL
SELECT 'apply_tables', CASE WHEN l.tables IS NOT NULL THEN 'error' WHEN u.tables IS NOT NULL OR o.tables IS NOT NULL THEN 'warning' ELSE 'ok' END,
       coalesce(nullif(concat_ws('; ', format('rows of %s tables go nowhere, since they are in no subscription, but the source sends them: ', l.number) || l.tables, format('%s tables are not in state ready: ', u.number) || u.tables,
                                 format('%s tables are in no subscription: ', o.number) || o.tables), ''), 'all tables are ready'),
       nullif(concat_ws('; ', CASE WHEN l.tables IS NOT NULL THEN 'ALTER SUBSCRIPTION .. DISABLE, SELECT dts_ddl.copy_table(subscription, table) for each, ALTER SUBSCRIPTION .. ENABLE' END,
                        CASE WHEN u.tables IS NOT NULL THEN 'Wait for their copy; if it does not end, the server log says why' END,
                        CASE WHEN o.tables IS NOT NULL THEN 'Rows that come for these tables are left out: ALTER SUBSCRIPTION .. REFRESH PUBLICATION copies them, dts_ddl.adopt_tables() enters tables that are equal already' END), '')
  FROM (SELECT count(*) AS number, CASE WHEN count(*) > 0 THEN {some_tables} END AS tables FROM unready t) u
 CROSS JOIN (SELECT count(*) AS number, CASE WHEN count(*) > 0 THEN {some_tables} END AS tables FROM outside t WHERE t.oid NOT IN (SELECT l.oid FROM lost l)) o
 CROSS JOIN (SELECT count(*) AS number, CASE WHEN count(*) > 0 THEN {some_tables} END AS tables FROM lost t) l
UNION ALL
SELECT 'apply_rights', CASE WHEN f.applies AND o.reason IS NOT NULL AND NOT {trusted} OR f.applies AND o.owner IS NOT NULL THEN 'error' ELSE 'ok' END,
       coalesce(nullif(concat_ws('; ',
           CASE WHEN o.owner IS NOT NULL THEN format('subscription %s brings DDL and does not belong to a superuser: no DDL is applied', o.owner) END,
           CASE WHEN {trusted} THEN 'the source is said to be trusted: ' ELSE 'no DDL is applied: ' END || o.reason), ''), 'rows have the rights of the tables'' owners'),
       CASE WHEN f.applies AND o.owner IS NOT NULL THEN format('ALTER SUBSCRIPTION %s OWNER TO a superuser', o.owner)
            WHEN f.applies AND o.reason IS NOT NULL AND NOT {trusted} THEN CASE
              WHEN o.is_old THEN 'SELECT dts_ddl.start_apply(trust_source => true), if all who run DDL on the source may do what the subscription''s owner may'
              ELSE 'shared_preload_libraries = ''dts_ddl_capture'' and run_as_owner = false; or SELECT dts_ddl.start_apply(trust_source => true), if all who run DDL on the source may do what the subscription''s owner may' END END
  FROM fact f CROSS JOIN (
    SELECT v.is_old, nullif(concat_ws(', ', CASE WHEN v.is_old THEN 'before PostgreSQL 16 rows have the rights of the subscription''s owner'
             WHEN EXISTS (SELECT FROM brings s WHERE s.runs_as_owner) THEN 'with run_as_owner rows have the rights of the subscription''s owner' END,
             CASE WHEN NOT v.is_old AND NOT {preloaded} THEN 'the library is not preloaded' END), '') AS reason,
           (SELECT string_agg(format('"%s"', s.subname), ', ') FROM brings s JOIN pg_roles r ON r.oid = s.subowner WHERE NOT r.rolsuper) AS owner
      FROM (SELECT current_setting('server_version_num')::integer < 160000 AS is_old) v) o
