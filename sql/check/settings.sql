-- Settings that decide whether and how DDL is captured, where they were changed, and by what. Placeholders: src/read/check/mod.rs.
WITH file AS (
  -- as the files have it now: in effect for other sessions, though this one may have SET something else, or from the next reload on
  SELECT DISTINCT ON (lower(f.name)) lower(f.name) AS name, f.setting, format('%s:%s', f.sourcefile, f.sourceline) AS origin
    FROM pg_file_settings f
   WHERE (lower(f.name) LIKE 'dts_ddl_capture.%' OR lower(f.name) IN ('event_triggers', 'session_replication_role', 'wal_level'))
     AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = lower(f.name) AND s.source = 'command line')
   ORDER BY lower(f.name), f.seqno DESC
), of_database AS (
  SELECT s.setdatabase, s.setrole, split_part(c.config, '=', 1) AS name, substr(c.config, strpos(c.config, '=') + 1) AS setting
    FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS c(config)
   WHERE s.setdatabase = 0 OR s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), changed (name, value, origin, reset) AS (
  SELECT s.name, s.setting,
         CASE s.source WHEN 'command line' THEN 'command line of the server' WHEN 'client' THEN 'connection options of this session'
                       WHEN 'session' THEN 'SET in this session' ELSE s.source END,
         CASE s.source WHEN 'session' THEN format('RESET %s', s.name) ELSE format('change the %s', CASE s.source WHEN 'client' THEN 'connection options' ELSE s.source END) END
    FROM pg_settings s
   WHERE (s.name LIKE 'dts_ddl_capture.%' OR s.name IN ('event_triggers', 'session_replication_role'))
     AND s.setting IS DISTINCT FROM s.boot_val
     AND s.source NOT IN ('default', 'override', 'configuration file', 'global', 'database', 'user', 'database user')
  UNION ALL
  SELECT f.name, f.setting, f.origin, CASE WHEN f.origin LIKE '%postgresql.auto.conf:%' THEN format('ALTER SYSTEM RESET %s', f.name)
                                           ELSE format('remove it from %s', f.origin) END || '; SELECT pg_reload_conf()'
    FROM file f
   WHERE f.name <> 'wal_level' AND lower(f.setting) IS DISTINCT FROM lower((SELECT s.boot_val FROM pg_settings s WHERE s.name = f.name))
     AND NOT EXISTS (SELECT FROM of_database d WHERE d.name = f.name AND d.setrole = 0)
  UNION ALL
  SELECT d.name, d.setting,
         concat_ws(' ', CASE WHEN d.setrole <> 0 THEN format('ALTER ROLE %s', d.setrole::regrole) END,
                        CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN format('IN DATABASE %I', current_database())
                             WHEN d.setdatabase <> 0 THEN format('ALTER DATABASE %I', current_database())
                             WHEN d.setrole = 0 THEN 'ALTER ROLE ALL' END, 'SET'),
         concat_ws(' ', CASE WHEN d.setrole <> 0 THEN format('ALTER ROLE %s', d.setrole::regrole) END,
                        CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN format('IN DATABASE %I', current_database())
                             WHEN d.setdatabase <> 0 THEN format('ALTER DATABASE %I', current_database())
                             WHEN d.setrole = 0 THEN 'ALTER ROLE ALL' END, 'RESET', d.name)
    FROM of_database d
   WHERE d.name ~ '^(dts_ddl_capture[.]|event_triggers$|session_replication_role$)'
  UNION ALL
  SELECT split_part(c.config, '=', 1), substr(c.config, strpos(c.config, '=') + 1), format('function %s', p.oid::regprocedure),
         format('ALTER ROUTINE %s RESET %s', p.oid::regprocedure, split_part(c.config, '=', 1))
    FROM pg_proc p CROSS JOIN LATERAL unnest(p.proconfig) AS c(config)
   WHERE split_part(c.config, '=', 1) ~ '^(dts_ddl_capture[.]|event_triggers$|session_replication_role$)'
     AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'dts_ddl_capture'
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
), judged AS (
  SELECT c.name, c.reset, format('%s = %s (%s)', replace(c.name, 'dts_ddl_capture.', ''), c.value, c.origin) AS shown,
         CASE WHEN c.name IN ('dts_ddl_capture.enabled', 'event_triggers') AND v.is_off
                   OR c.name = 'session_replication_role' AND lower(c.value) = 'replica'
              THEN CASE WHEN c.origin LIKE 'function %' THEN 'warning'
                        -- what only applies captures nothing
                        WHEN c.name = 'dts_ddl_capture.enabled' AND d.only_applies THEN 'ok' ELSE 'error' END
              WHEN c.name = 'dts_ddl_capture.on_error' AND lower(c.value) = 'warning' THEN 'warning'
              WHEN c.name = 'dts_ddl_capture.replica_identity' AND lower(c.value) = 'off' THEN 'warning'
              WHEN c.name = 'dts_ddl_capture.redact_secrets' AND v.is_off THEN 'warning'
              -- of this very session: check "retention"
              WHEN c.name = 'dts_ddl_capture.max_rows' AND c.value IS DISTINCT FROM current_setting(c.name) AND c.value ~ '^[[:space:]]*[1-9][0-9]?[[:space:]]*$' THEN 'warning'
              WHEN c.name = 'dts_ddl_capture.max_age'
                   AND c.value IS DISTINCT FROM (SELECT s.setting FROM pg_settings s WHERE s.name = c.name) AND c.value ~ '^[[:space:]]*[1-9][0-9]{0,2}[[:space:]]*(s|$)' THEN 'warning'
              WHEN c.name = 'dts_ddl_capture.publication_prefix'
                   AND EXISTS (SELECT FROM pg_publication p WHERE starts_with(p.pubname::text, 'dts_sync_') AND NOT p.puballtables AND (c.value = '' OR NOT starts_with(p.pubname, c.value)))
                   THEN 'warning'
              ELSE 'ok' END AS status
    FROM changed c CROSS JOIN LATERAL (SELECT lower(c.value) IN ('off', 'false', 'no', '0', 'f', 'n', 'of', 'fa', 'fal', 'fals') AS is_off) v
   CROSS JOIN (SELECT {applies} AND NOT EXISTS (SELECT FROM pg_event_trigger t WHERE t.evtname = 'dts_intercept_ddl' AND t.evtenabled <> 'D') AS only_applies) d
), reason (name, text) AS (
  VALUES ('dts_ddl_capture.enabled', 'DDL is not captured'), ('dts_ddl_capture.on_error', 'DDL goes through without a row where it cannot be recorded'),
         ('dts_ddl_capture.replica_identity', 'UPDATE and DELETE on new tables without key fail'), ('dts_ddl_capture.redact_secrets', 'secrets are stored in rows'),
         ('dts_ddl_capture.max_rows', 'rows go before a script or a new copy has them'), ('dts_ddl_capture.max_age', 'rows go before a script or a new copy has them'),
         ('dts_ddl_capture.publication_prefix', 'new tables do not join the publications of DTS (dts_sync_)'), ('event_triggers', 'DDL is not captured'),
         ('session_replication_role', 'DDL under replica is not captured')
), topic (name, pattern, fine) AS (
  VALUES ('settings', 'dts_ddl_capture.%', 'as built in'),
         ('event_triggers', 'event_triggers', 'on, or unknown to this major'),
         ('session_replication_role', 'session_replication_role', 'origin for all')
)
SELECT t.name,
       CASE WHEN bool_or(j.status = 'error') THEN 'error' WHEN bool_or(j.status = 'warning') THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(j.shown, '; ' ORDER BY j.shown), t.fine),
       string_agg(DISTINCT j.reset, '; ') FILTER (WHERE j.status <> 'ok') || '. Until then: ' || string_agg(DISTINCT r.text, '; ') FILTER (WHERE j.status <> 'ok')
         || CASE WHEN bool_or(j.status = 'error') THEN '; compare the schemas afterwards' ELSE '' END
  FROM topic t LEFT JOIN judged j ON j.name LIKE t.pattern LEFT JOIN reason r ON r.name = j.name
 GROUP BY t.name, t.fine
UNION ALL
SELECT 'preload', CASE WHEN s.wanted AND NOT s.is_preloaded THEN 'warning' ELSE 'ok' END,
       CASE WHEN s.is_preloaded THEN 'the library is preloaded' ELSE 'the library is loaded by the first DDL of a session' END,
       CASE WHEN s.wanted AND NOT s.is_preloaded
            THEN 'capture_roles needs the library in each session: ALTER DATABASE .. SET session_preload_libraries = ''dts_ddl_capture''' END
  FROM (SELECT current_setting('dts_ddl_capture.capture_roles') = 'on' OR EXISTS (
                 SELECT FROM changed c WHERE c.name = 'dts_ddl_capture.capture_roles' AND lower(c.value) IN ('on', 'true', 'yes', '1', 't', 'y')) AS wanted,
               concat_ws(',', current_setting('shared_preload_libraries'), current_setting('session_preload_libraries')) ~ '(^|[ ,"/])dts_ddl_capture' AS is_preloaded) s
UNION ALL
SELECT 'wal_level', CASE WHEN s.is_low AND s.is_source OR s.missing IS NOT NULL OR s.later IS NOT NULL THEN 'error' WHEN s.crowded IS NOT NULL OR s.short IS NOT NULL THEN 'warning' ELSE 'ok' END,
       concat_ws(', ', 'wal_level = ' || s.level, s.missing, s.later, s.crowded, s.short),
       CASE WHEN s.is_low AND s.is_source THEN 'ALTER SYSTEM SET wal_level = logical, and restart: without it nothing can be decoded'
            WHEN s.missing IS NOT NULL THEN 'Raise it and restart: consumers need slots and senders, a destination replication origins'
            WHEN s.later IS NOT NULL THEN 'ALTER SYSTEM SET wal_level = logical before the next restart: with a lower one slots keep the server from starting'
            WHEN s.crowded IS NOT NULL THEN 'Drop a slot that nobody needs, or raise max_replication_slots and restart: a consumer cannot make its own'
            WHEN s.short IS NOT NULL THEN 'ALTER SYSTEM SET it higher, SELECT pg_reload_conf(): a consumer that is away for a while loses its slot' END
  FROM (SELECT b.*, b.level <> 'logical' AND NOT (b.on_demand AND b.level = 'replica') AS is_low,
               (SELECT format('from the next restart on %s (%s)', f.setting, f.origin) FROM file f
                 WHERE f.name = 'wal_level' AND lower(f.setting) <> 'logical' AND b.level = 'logical' AND NOT b.on_demand AND b.is_source) AS later
          FROM (SELECT current_setting('wal_level') AS level, current_setting('server_version_num')::integer >= 190000 AS on_demand,
                       NOT {applies} OR EXISTS (SELECT FROM pg_publication) AS is_source,
                       nullif(concat_ws(', ', CASE WHEN current_setting('max_replication_slots') = '0' THEN 'max_replication_slots = 0' END,
                                        CASE WHEN current_setting('max_wal_senders') = '0' AND NOT {applies} THEN 'max_wal_senders = 0' END), '') AS missing,
                       (SELECT format('all %s replication slots are taken, none by a consumer of this database', count(*)) FROM pg_replication_slots r
                        HAVING count(*) > 0 AND count(*) >= current_setting('max_replication_slots')::bigint AND NOT {applies}
                           AND count(*) FILTER (WHERE r.slot_type = 'logical' AND r.database = current_database()) = 0) AS crowded,
                       -- less than 1 GB of WAL, less than an hour
                       (SELECT string_agg(format('%s = %s', t.name, current_setting(t.name)), ', ' ORDER BY t.name) FROM pg_settings t
                         WHERE NOT {applies} AND (t.name = 'max_slot_wal_keep_size' AND t.setting::bigint BETWEEN 0 AND 1023
                            OR t.name = 'idle_replication_slot_timeout' AND t.setting::bigint * CASE t.unit WHEN 'min' THEN 60 ELSE 1 END BETWEEN 1 AND 3599)) AS short) b) s
