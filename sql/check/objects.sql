-- What the extension is made of. $1: version of the loaded library.
-- Each query of this directory returns: name of the check, status, what was found, what to do.
WITH extension AS (
  SELECT e.oid, e.extversion, e.extowner,
         (SELECT a.default_version FROM pg_available_extensions a WHERE a.name = e.extname) AS available
    FROM pg_extension e WHERE e.extname = 'dts_ddl_capture'
), member AS (
  SELECT d.classid, d.objid FROM pg_depend d JOIN extension e ON d.refobjid = e.oid
   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), capture_table AS (
  SELECT c.* FROM pg_class c WHERE c.oid = to_regclass('public.dts_ddl_command')
), destination AS (
  SELECT count(*) > 0 AS applies,
         coalesce((SELECT s.seqincrement FROM pg_sequence s WHERE s.seqrelid = to_regclass('public.dts_ddl_command_id_seq')), 1) > 1 AS captures_too
    FROM pg_trigger t WHERE t.tgrelid = to_regclass('public.dts_ddl_command') AND t.tgname = 'dts_apply_row'
), expected_trigger (name, event, function, symbol) AS (
  VALUES ('dts_intercept_start', 'ddl_command_start', 'dts_ddl.capture_start()', 'capture_start_wrapper'),
         ('dts_intercept_drop', 'sql_drop', 'dts_ddl.capture_drop()', 'capture_drop_wrapper'),
         ('dts_intercept_rewrite', 'table_rewrite', 'dts_ddl.capture_rewrite()', 'capture_rewrite_wrapper'),
         ('dts_intercept_ddl', 'ddl_command_end', 'public.dts_capture_ddl()', 'capture_ddl_wrapper')
), trigger_problem AS (
  SELECT x.name, p.problem, t.oid IS NULL OR t.evtfoid IS DISTINCT FROM to_regprocedure(x.function)::oid AS is_broken
    FROM expected_trigger x CROSS JOIN destination d LEFT JOIN pg_event_trigger t ON t.evtname = x.name
    CROSS JOIN LATERAL (
      SELECT CASE
        WHEN t.oid IS NULL THEN 'does not exist'
        WHEN t.evtfoid IS DISTINCT FROM to_regprocedure(x.function)::oid THEN format('calls %s instead of %s', t.evtfoid::regprocedure, x.function)
        WHEN t.evtevent <> x.event THEN format('is fired by %s instead of %s', t.evtevent, x.event)
        WHEN t.evttags IS NOT NULL THEN format('is fired by some commands only (%s)', array_to_string(t.evttags, ', '))
        WHEN t.evtenabled = 'O' AND d.applies AND NOT d.captures_too THEN 'is enabled, although this database applies DDL of another server'
        WHEN t.evtenabled = 'O' OR d.applies AND t.evtenabled = 'D' AND NOT d.captures_too THEN NULL
        WHEN t.evtenabled = 'D' THEN 'is disabled'
        WHEN t.evtenabled = 'A' THEN 'is ENABLE ALWAYS, and records what replication applies'
        ELSE 'is ENABLE REPLICA, and records nothing but what replication applies'
      END AS problem
    ) p
   WHERE p.problem IS NOT NULL
), function_problem AS (
  SELECT x.function AS name, 'does not exist' AS problem FROM expected_trigger x WHERE to_regprocedure(x.function) IS NULL
  UNION ALL
  SELECT p.oid::regprocedure::text,
         CASE
           WHEN m.objid IS NULL THEN 'is no member of the extension'
           WHEN l.lanname <> 'c' THEN format('has been replaced by a function in %s', l.lanname)
           WHEN p.probin NOT IN ('$libdir/dts_ddl_capture', 'dts_ddl_capture') THEN format('calls another library, %s', p.probin)
           WHEN p.prosrc <> x.symbol THEN format('calls %s of the library', p.prosrc)
           WHEN p.proowner <> e.extowner THEN format('belongs to role %s', p.proowner::regrole)
           WHEN p.oid = to_regprocedure('public.dts_capture_ddl()') AND p.proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']
             THEN 'has lost its setting of search_path'
         END
    FROM extension e CROSS JOIN pg_proc p JOIN pg_language l ON l.oid = p.prolang
    LEFT JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    LEFT JOIN expected_trigger x ON p.oid = to_regprocedure(x.function)
   WHERE (m.objid IS NOT NULL AND l.lanname <> 'sql') OR x.name IS NOT NULL
), expected_column (number, definition) AS (
  SELECT ordinality, definition FROM unnest(ARRAY['ddl_text text', 'id bigint', 'event text', 'tag text', 'username character varying',
    'database character varying', 'schema character varying', 'object_type character varying', 'object_name character varying',
    'client_address character varying', 'client_port integer', 'event_time timestamp with time zone', 'txid_current character varying(128)',
    'message text']) WITH ORDINALITY AS c(definition, ordinality)
), found_column (number, definition) AS (
  SELECT row_number() OVER (ORDER BY a.attnum), format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod))
    FROM capture_table c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attnum > 0 AND NOT a.attisdropped
), table_problem (problem) AS (
  SELECT 'does not exist' WHERE NOT EXISTS (SELECT FROM capture_table)
  UNION ALL
  SELECT format('column %s is %s instead of %s', coalesce(x.number, f.number), coalesce(f.definition, 'missing'), coalesce(x.definition, 'none'))
    FROM expected_column x FULL JOIN found_column f USING (number)
   WHERE x.definition IS DISTINCT FROM f.definition AND EXISTS (SELECT FROM capture_table)
  UNION ALL
  SELECT problem FROM capture_table c CROSS JOIN extension e CROSS JOIN LATERAL (VALUES
    (c.relkind <> 'r', 'is no ordinary table'),
    (c.relpersistence <> 'p', 'is not logged: its rows never reach a consumer'),
    (c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid OR i.inhparent = c.oid), 'is part of an inheritance tree'),
    (c.relrowsecurity, 'has row level security'),
    (c.relowner <> e.extowner, format('belongs to role %s', c.relowner::regrole)),
    (NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid), 'is no member of the extension'),
    (NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indnatts = 1
                  AND i.indkey[0] = (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id')),
     'has no primary key on id'),
    (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)),
     'has an index with an expression or predicate'),
    (EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname NOT IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')),
     'has triggers, which capture ignores'),
    (EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid), 'has rules, which capture ignores'),
    (to_regclass('public.dts_ddl_command_id_seq') IS NULL, 'has lost its sequence public.dts_ddl_command_id_seq')
  ) AS p(is_so, problem) WHERE p.is_so
), foreign_right AS (
  SELECT a.what, a.privilege_type, coalesce(a.grantee::regrole::text, 'PUBLIC') AS grantee
    FROM (
      SELECT c.oid::regclass::text AS what, x.privilege_type, nullif(x.grantee, 0) AS grantee
        FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
        CROSS JOIN LATERAL aclexplode(c.relacl) x
       WHERE x.grantee <> c.relowner AND x.privilege_type NOT IN ('SELECT', 'REFERENCES')
      UNION ALL
      SELECT p.oid::regprocedure::text, x.privilege_type, nullif(x.grantee, 0)
        FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
       WHERE x.grantee = 0
    ) a
), rival AS (
  SELECT t.evtname FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = t.oid)
     AND t.evtenabled <> 'D'
     AND t.evtname NOT IN (SELECT x.name FROM expected_trigger x)
     AND (t.evtname ~ '^(awsdms_|hwdrs_|udts_|ape_dts_|dts_|dms_|pgl_ddl|pglogical|spock|pgactive|bucardo|tg_ddl|ddl_capture|replicate_ddl)'
          OR p.prosrc ~* '(dts_ddl_command|awsdms_ddl_audit|ddl_audit|ape_dts_ddl|hwdrs_ddl)')
)
SELECT 'version', CASE WHEN e.extversion = $1 AND e.available = e.extversion THEN 'ok' ELSE 'warning' END,
       format('library %s, objects %s, installed files %s', $1, e.extversion, coalesce(e.available, 'missing')),
       CASE WHEN e.available IS DISTINCT FROM e.extversion THEN 'ALTER EXTENSION dts_ddl_capture UPDATE'
            WHEN e.extversion <> $1 THEN 'Sessions have another version of the library loaded: reconnect; where it is preloaded by shared_preload_libraries, restart the server' END
  FROM extension e
UNION ALL
SELECT 'triggers', CASE WHEN count(p.*) > 0 THEN 'error' ELSE 'ok' END,
       coalesce(string_agg(format('event trigger "%s" %s', p.name, p.problem), '; ' ORDER BY p.name),
                (SELECT CASE WHEN d.applies AND NOT d.captures_too THEN 'disabled, since this database applies DDL of another server'
                             ELSE 'all event triggers are there and enabled' END FROM destination d)),
       CASE WHEN bool_or(p.is_broken) THEN 'DROP EXTENSION dts_ddl_capture and create it again; DDL that was run meanwhile is not captured: dump the schema anew'
            WHEN count(p.*) > 0 THEN 'ALTER EVENT TRIGGER .. ENABLE (on a destination: dts_ddl.start_apply() or stop_apply()); DDL that was run meanwhile is not captured: compare the schemas' END
  FROM trigger_problem p
UNION ALL
SELECT 'functions', CASE WHEN count(p.problem) > 0 THEN 'error' ELSE 'ok' END,
       coalesce(string_agg(format('%s %s', p.name, p.problem), '; ' ORDER BY p.name) FILTER (WHERE p.problem IS NOT NULL), 'as installed'),
       CASE WHEN count(p.problem) > 0 THEN 'DROP EXTENSION dts_ddl_capture and create it again' END
  FROM function_problem p
UNION ALL
SELECT 'table', CASE WHEN count(p.problem) > 0 THEN 'error' ELSE 'ok' END,
       coalesce('public.dts_ddl_command ' || string_agg(p.problem, '; '), 'public.dts_ddl_command has its 14 columns, key and sequence'),
       CASE WHEN count(p.problem) > 0 THEN 'Undo the change; or DROP EXTENSION dts_ddl_capture and create it again' END
  FROM table_problem p
UNION ALL
SELECT 'rights', CASE WHEN count(r.*) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(format('%s has %s on %s', r.grantee, r.privilege_type, r.what), '; ' ORDER BY r.grantee, r.what, r.privilege_type),
                'nobody but the owner may write'),
       CASE WHEN count(r.*) > 0 THEN 'REVOKE: who can write rows decides what runs on the destination' END
  FROM foreign_right r
UNION ALL
SELECT 'rivals', CASE WHEN count(r.*) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce('other DDL captures: event trigger ' || string_agg(format('"%s"', r.evtname), ', ' ORDER BY r.evtname), 'no other DDL capture'),
       CASE WHEN count(r.*) > 0 THEN 'DROP EVENT TRIGGER once its consumer no longer needs it: each records the commands of the other' END
  FROM rival r
