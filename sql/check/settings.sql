-- Settings that decide whether and how DDL is captured, where they were changed, and by what.
WITH changed AS (
  SELECT s.name, s.setting AS value,
         CASE s.source WHEN 'configuration file' THEN format('%s:%s', s.sourcefile, s.sourceline)
                       WHEN 'command line' THEN 'command line of the server' WHEN 'client' THEN 'connection options of this session'
                       WHEN 'session' THEN 'SET in this session' ELSE s.source END AS origin
    FROM pg_settings s
   WHERE (s.name LIKE 'dts\_ddl\_capture.%' OR s.name IN ('event_triggers', 'session_replication_role'))
     AND s.setting IS DISTINCT FROM s.boot_val AND s.source NOT IN ('default', 'override', 'database', 'user', 'database user')
  UNION ALL
  SELECT split_part(c.config, '=', 1), substr(c.config, strpos(c.config, '=') + 1),
         concat_ws(' ', CASE WHEN s.setrole <> 0 THEN format('ALTER ROLE %s', s.setrole::regrole) END,
                        CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN format('IN DATABASE %I', current_database())
                             WHEN s.setdatabase <> 0 THEN format('ALTER DATABASE %I', current_database())
                             WHEN s.setrole = 0 THEN 'ALTER ROLE ALL' END, 'SET')
    FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS c(config)
   WHERE (s.setdatabase = 0 OR s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
     AND split_part(c.config, '=', 1) ~ '^(dts_ddl_capture\.|event_triggers$|session_replication_role$)'
), judged AS (
  SELECT c.name, format('%s = %s (%s)', replace(c.name, 'dts_ddl_capture.', ''), c.value, c.origin) AS shown,
         CASE WHEN c.name IN ('dts_ddl_capture.enabled', 'event_triggers') AND lower(c.value) IN ('off', 'false', 'no', '0', 'f', 'n', 'of', 'fa', 'fal', 'fals') THEN 'error'
              WHEN c.name = 'session_replication_role' AND lower(c.value) = 'replica' THEN 'error'
              WHEN c.name = 'dts_ddl_capture.on_error' AND lower(c.value) = 'warning' THEN 'warning'
              WHEN c.name = 'dts_ddl_capture.replica_identity' AND lower(c.value) = 'off' THEN 'warning'
              WHEN c.name = 'dts_ddl_capture.redact_secrets' AND lower(c.value) IN ('off', 'false', 'no', '0', 'f', 'n', 'of', 'fa', 'fal', 'fals') THEN 'warning'
              ELSE 'ok' END AS status
    FROM changed c
), topic (name, pattern, fine, remedy) AS (
  VALUES ('settings', 'dts\_ddl\_capture.%', 'as built in', 'RESET what hides DDL (enabled = off), lets it through without a row (on_error = warning), or leaves new tables without replica identity'),
         ('event_triggers', 'event\_triggers', 'on, or unknown to this major', 'Switch event_triggers on again: without them no DDL is captured; compare the schemas'),
         ('session_replication_role', 'session\_replication\_role', 'origin for all', 'RESET it: DDL of sessions with session_replication_role = replica is not captured; compare the schemas')
)
SELECT t.name,
       CASE WHEN bool_or(j.status = 'error') THEN 'error' WHEN bool_or(j.status = 'warning') THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(j.shown, '; ' ORDER BY j.shown), t.fine),
       CASE WHEN bool_or(j.status <> 'ok') THEN t.remedy END
  FROM topic t LEFT JOIN judged j ON j.name LIKE t.pattern
 GROUP BY t.name, t.fine, t.remedy
UNION ALL
SELECT 'preload', CASE WHEN s.wanted AND NOT s.is_preloaded THEN 'warning' ELSE 'ok' END,
       CASE WHEN s.is_preloaded THEN 'the library is preloaded' ELSE 'the library is loaded by the first DDL of a session' END,
       CASE WHEN s.wanted AND NOT s.is_preloaded
            THEN 'capture_roles needs the library in each session: ALTER DATABASE .. SET session_preload_libraries = ''dts_ddl_capture''' END
  FROM (SELECT current_setting('dts_ddl_capture.capture_roles') = 'on' OR EXISTS (
                 SELECT FROM changed c WHERE c.name = 'dts_ddl_capture.capture_roles' AND lower(c.value) IN ('on', 'true', 'yes', '1', 't', 'y')) AS wanted,
               concat_ws(',', current_setting('shared_preload_libraries'), current_setting('session_preload_libraries')) ~ '(^|[ ,"/])dts_ddl_capture' AS is_preloaded) s
UNION ALL
SELECT 'wal_level', CASE WHEN s.level = 'logical' AND s.problem IS NULL THEN 'ok'
                         WHEN s.problem IS NULL AND s.on_demand AND s.level = 'replica' THEN 'ok' ELSE 'error' END,
       concat_ws(', ', 'wal_level = ' || s.level, s.problem),
       CASE WHEN s.level <> 'logical' AND NOT (s.on_demand AND s.level = 'replica')
            THEN 'ALTER SYSTEM SET wal_level = logical, and restart: without it nothing can be decoded'
            WHEN s.problem IS NOT NULL THEN 'Raise it and restart: consumers need slots and senders' END
  FROM (SELECT current_setting('wal_level') AS level, current_setting('server_version_num')::integer >= 190000 AS on_demand,
               nullif(concat_ws(', ', CASE WHEN current_setting('max_replication_slots') = '0' THEN 'max_replication_slots = 0' END,
                                CASE WHEN current_setting('max_wal_senders') = '0' THEN 'max_wal_senders = 0' END), '') AS problem) s
