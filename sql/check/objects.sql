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
    FROM (SELECT {applies} AS is_one) a WHERE a.is_one
), expected_trigger (name, event, function, symbol) AS (
  VALUES ('dts_intercept_start', 'ddl_command_start', 'dts_ddl.capture_start()', 'capture_start_wrapper'),
         ('dts_intercept_drop', 'sql_drop', 'dts_ddl.capture_drop()', 'capture_drop_wrapper'),
         ('dts_intercept_rewrite', 'table_rewrite', 'dts_ddl.capture_rewrite()', 'capture_rewrite_wrapper'),
         ('dts_intercept_ddl', 'ddl_command_end', 'public.dts_capture_ddl()', 'capture_ddl_wrapper')
), trigger_problem AS (
  SELECT x.name, p.problem,
         CASE WHEN p.problem IN ('is no member of the extension') THEN format('ALTER EXTENSION dts_ddl_capture ADD EVENT TRIGGER %s', x.name)
              WHEN p.problem LIKE 'belongs to role %' THEN format('ALTER EVENT TRIGGER %s OWNER TO %s', x.name, e.extowner::regrole)
              WHEN t.oid IS NULL OR t.evtfoid IS DISTINCT FROM to_regprocedure(x.function)::oid OR t.evtevent <> x.event OR t.evttags IS NOT NULL THEN NULL
              WHEN d.applies AND NOT d.captures_too THEN format('ALTER EVENT TRIGGER %s DISABLE', x.name)
              ELSE format('ALTER EVENT TRIGGER %s ENABLE', x.name) END AS remedy
    FROM expected_trigger x CROSS JOIN destination d CROSS JOIN extension e LEFT JOIN pg_event_trigger t ON t.evtname = x.name
    LEFT JOIN member m ON m.classid = 'pg_event_trigger'::regclass AND m.objid = t.oid
    CROSS JOIN LATERAL (
      SELECT CASE
        WHEN t.oid IS NULL THEN 'does not exist'
        WHEN t.evtfoid IS DISTINCT FROM to_regprocedure(x.function)::oid THEN format('calls %s instead of %s', t.evtfoid::regprocedure, x.function)
        WHEN t.evtevent <> x.event THEN format('is fired by %s instead of %s', t.evtevent, x.event)
        WHEN t.evttags IS NOT NULL THEN format('is fired by some commands only (%s)', array_to_string(t.evttags, ', '))
        WHEN t.evtenabled = 'O' AND d.applies AND NOT d.captures_too THEN 'is enabled, although this database applies DDL of another server'
        WHEN (t.evtenabled = 'O' OR d.applies AND t.evtenabled = 'D' AND NOT d.captures_too) AND m.objid IS NULL THEN 'is no member of the extension'
        WHEN (t.evtenabled = 'O' OR d.applies AND t.evtenabled = 'D' AND NOT d.captures_too) AND t.evtowner <> e.extowner
          THEN format('belongs to role %s', t.evtowner::regrole)
        WHEN t.evtenabled = 'O' OR d.applies AND t.evtenabled = 'D' AND NOT d.captures_too THEN NULL
        WHEN t.evtenabled = 'D' THEN 'is disabled'
        WHEN t.evtenabled = 'A' THEN 'is ENABLE ALWAYS, and records what replication applies'
        ELSE 'is ENABLE REPLICA, and records nothing but what replication applies'
      END AS problem
    ) p
   WHERE p.problem IS NOT NULL
), function_problem AS (
  SELECT x.function AS name, 'does not exist' AS problem, NULL AS remedy FROM expected_trigger x WHERE to_regprocedure(x.function) IS NULL
  UNION ALL
  SELECT b.name, b.problem,
         CASE WHEN b.problem = 'is no member of the extension' THEN format('ALTER EXTENSION dts_ddl_capture ADD FUNCTION %s', b.name)
              WHEN b.problem LIKE 'belongs to role %' THEN format('ALTER FUNCTION %s OWNER TO %s', b.name, b.extowner::regrole)
              WHEN b.problem = 'is SECURITY DEFINER' THEN format('ALTER FUNCTION %s SECURITY INVOKER', b.name)
              WHEN b.problem LIKE 'has settings %' THEN format('ALTER FUNCTION %s RESET ALL', b.name)
                || coalesce((SELECT string_agg(format('; ALTER FUNCTION %s SET %s TO %s', b.name, split_part(g, '=', 1), split_part(g, '=', 2)), '') FROM unnest(b.settings) g), '')
              WHEN b.problem LIKE 'has another volatility%' THEN format('ALTER FUNCTION %s %s NOT LEAKPROOF PARALLEL UNSAFE', b.name, CASE b.volatility WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END)
              WHEN b.symbol IS NOT NULL THEN format('CREATE OR REPLACE FUNCTION %s RETURNS event_trigger LANGUAGE c AS ''$libdir/dts_ddl_capture'', ''%s''', b.name, b.symbol) END
    FROM (
  SELECT p.oid::regprocedure::text AS name, e.extowner, f.settings, f.volatility, x.symbol,
         CASE
           WHEN m.objid IS NULL THEN 'is no member of the extension'
           WHEN l.lanname <> CASE WHEN p.proname = 'pending' THEN 'sql' ELSE 'c' END THEN format('has been replaced by a function in %s', l.lanname)
           WHEN l.lanname = 'sql' AND md5(p.prosrc) <> '{md5_pending}' THEN 'has another body'
           WHEN p.probin NOT IN ('$libdir/dts_ddl_capture', 'dts_ddl_capture') THEN format('calls another library, %s', p.probin)
           WHEN p.prosrc <> x.symbol THEN format('calls %s of the library', p.prosrc)
           WHEN p.proowner <> e.extowner THEN format('belongs to role %s', p.proowner::regrole)
           WHEN p.prosecdef THEN 'is SECURITY DEFINER'
           -- quoted where the extension was made under quote_all_identifiers
           WHEN replace(array_to_string(coalesce(p.proconfig, '{}'), '|'), '"', '') <> array_to_string(f.settings, '|') THEN format('has settings %s instead of %s', coalesce(p.proconfig, '{}'), f.settings)
           WHEN p.provolatile <> f.volatility OR p.proleakproof OR p.proparallel <> 'u' THEN 'has another volatility or parallel safety'
         END AS problem
    FROM extension e CROSS JOIN pg_proc p JOIN pg_language l ON l.oid = p.prolang
    LEFT JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    LEFT JOIN expected_trigger x ON p.oid = to_regprocedure(x.function)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN p.proname IN ('script', 'statement_tags', 'rows') OR p.proname = 'check' AND p.pronargs > 0 THEN 's' ELSE 'v' END AS volatility,
             CASE WHEN p.proname IN ('start_apply', 'stop_apply', 'start_capture') THEN ARRAY['search_path=pg_catalog, pg_temp', 'session_replication_role=replica']
                  WHEN p.proname = 'check' AND p.pronargs = 0 THEN ARRAY['search_path=pg_catalog, pg_temp', 'enable_nestloop=off', 'work_mem=64MB', 'jit=off',
                    'max_parallel_workers_per_gather=0']
                  WHEN p.proname IN ('apply_once', 'apply_row', 'apply_copied', 'subscribe_start', 'subscribe_end', 'skip', 'copy_table', 'stops',
                    'status_document', 'pending', 'pending_ids') THEN ARRAY['search_path=pg_catalog, pg_temp']
                  -- up to 1.7.0; more work for each command, and nothing is looked up by it
                  WHEN p.proname = 'dts_capture_ddl' AND replace(array_to_string(p.proconfig, '|'), '"', '') = 'search_path=pg_catalog, pg_temp' THEN ARRAY['search_path=pg_catalog, pg_temp']
                  -- since 1.1.1; older objects may have it, too
                  WHEN p.proname = 'adopt_tables' AND (e.extversion NOT IN ('1.0.0', '1.1.0') OR p.proconfig IS NOT NULL) THEN ARRAY['search_path=pg_catalog, pg_temp']
                  ELSE '{}' END AS settings
    ) f
   WHERE m.objid IS NOT NULL OR x.name IS NOT NULL
    ) b WHERE b.problem IS NOT NULL
), expected_column (number, definition) AS (
  -- worded by PostgreSQL as those that are found: quote_all_identifiers may be on
  SELECT x.ordinality, format('%s %s', x.name, format_type(x.type::regtype, CASE x.name WHEN 'txid_current' THEN 128 + 4 ELSE -1 END))
    FROM ROWS FROM (unnest(ARRAY['ddl_text', 'id', 'event', 'tag', 'username', 'database', 'schema', 'object_type', 'object_name', 'client_address', 'client_port',
                                 'event_time', 'txid_current', 'message']),
                    unnest(ARRAY['text', 'bigint', 'text', 'text', 'varchar', 'varchar', 'varchar', 'varchar', 'varchar', 'varchar', 'integer',
                                 'timestamptz', 'varchar', 'text'])) WITH ORDINALITY AS x(name, type, ordinality)
), found_column (number, definition) AS (
  SELECT row_number() OVER (ORDER BY a.attnum), format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod))
    FROM pg_attribute a WHERE a.attrelid = (SELECT c.oid FROM capture_table c) AND a.attnum > 0 AND NOT a.attisdropped
), table_problem (problem) AS (
  SELECT 'does not exist' || coalesce((SELECT format(' (it has become %s)', c.oid::regclass) FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
                                        WHERE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'txid_current')), '')
   WHERE NOT EXISTS (SELECT FROM capture_table)
  UNION ALL
  SELECT format('column %s is %s instead of %s', coalesce(x.number, f.number), coalesce(f.definition, 'missing'), coalesce(x.definition, 'none'))
    FROM expected_column x FULL JOIN found_column f USING (number)
   WHERE x.definition IS DISTINCT FROM f.definition AND EXISTS (SELECT FROM capture_table)
  UNION ALL
  SELECT problem FROM capture_table c CROSS JOIN extension e CROSS JOIN LATERAL (VALUES
    (c.relkind <> 'r', 'is no ordinary table'),
    (c.relkind = 'r' AND c.relam <> (SELECT a.oid FROM pg_am a WHERE a.amname = 'heap'), 'is not stored as a heap'),
    (c.relnatts > 14 AND (SELECT count(*) FROM found_column) = 14, 'had more columns: PostgreSQL keeps the place of dropped ones'),
    (EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND (a.attnotnull <> (a.attname = 'id') OR a.attidentity <> '' OR a.attgenerated <> '' OR a.atthasdef <> (a.attname = 'id') OR a.attcollation <> t.typcollation)),
     'has columns with another NOT NULL, default or collation'),
    (EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = c.oid AND n.contype IN ('c', 'f', 'x', 'u')), 'has further constraints'),
    (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND NOT i.indisprimary), 'has a further unique index'),
    (c.relpersistence <> 'p', 'is not logged: its rows never reach a consumer'),
    (c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid OR i.inhparent = c.oid), 'is part of an inheritance tree'),
    (c.relrowsecurity, 'has row level security'),
    (c.relowner <> e.extowner, format('belongs to role %s', c.relowner::regrole)),
    (NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid), 'is no member of the extension'),
    (NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indisready AND i.indimmediate AND i.indnatts = 1
                  AND i.indkey[0] = (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id')),
     'has no primary key on id'),
    (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)),
     'has an index with an expression or predicate'),
    (EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname NOT IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')),
     'has triggers, which capture ignores'),
    (EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid), 'has rules, which capture ignores'),
    (to_regclass('public.dts_ddl_command_id_seq') IS NULL, 'has lost its sequence public.dts_ddl_command_id_seq')
  ) AS p(is_so, problem) WHERE p.is_so
  UNION ALL
  -- DDL asks them for ids and numbers with each row
  SELECT format('needs sequence %s, which %s', q.oid::regclass, p.problem)
    FROM extension e CROSS JOIN destination d CROSS JOIN pg_class q JOIN pg_sequence s ON s.seqrelid = q.oid
    JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = q.oid
    CROSS JOIN LATERAL (VALUES
      (q.relpersistence <> 'p', 'is not logged'),
      (q.relowner <> e.extowner, format('belongs to role %s', q.relowner::regrole)),
      (s.seqcycle, 'cycles'),
      (s.seqcache <> 1, format('has CACHE %s: ids are out of order', s.seqcache)),
      (s.seqincrement <> 1 AND NOT (d.applies AND d.captures_too AND q.oid = to_regclass('public.dts_ddl_command_id_seq')), format('has INCREMENT %s', s.seqincrement)),
      (s.seqtypid <> 'bigint'::regtype OR s.seqmax <> 9223372036854775807, format('ends at %s', s.seqmax))
    ) AS p(is_so, problem)
   WHERE p.is_so
  UNION ALL
  SELECT format('needs sequence %s, which does not exist', n.name)
    FROM (VALUES ('dts_ddl.pruned_id'), ('dts_ddl.gap_count')) AS n(name) WHERE to_regclass(n.name) IS NULL
  UNION ALL
  SELECT 'needs sequence public.dts_ddl_command_id_seq, which is not OWNED BY its column id'
   WHERE to_regclass('public.dts_ddl_command_id_seq') IS NOT NULL AND EXISTS (SELECT FROM capture_table)
     AND NOT EXISTS (SELECT FROM pg_depend y CROSS JOIN capture_table c WHERE y.classid = 'pg_class'::regclass AND y.objid = to_regclass('public.dts_ddl_command_id_seq')
                      AND y.refclassid = 'pg_class'::regclass AND y.refobjid = c.oid AND y.refobjsubid > 0 AND y.deptype = 'a')
), foreign_right AS (
  SELECT a.what, a.privilege_type, coalesce(a.grantee::regrole::text, 'PUBLIC') AS grantee
         , a.target
    FROM (
      SELECT c.oid::regclass::text AS what, format('%s %s%s', x.privilege_type, CASE c.relkind WHEN 'S' THEN 'ON SEQUENCE ' ELSE 'ON ' END, c.oid::regclass) AS target, x.privilege_type, nullif(x.grantee, 0) AS grantee
        FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
        CROSS JOIN LATERAL aclexplode(c.relacl) x
       WHERE x.grantee <> c.relowner AND (x.privilege_type NOT IN ('SELECT', 'REFERENCES') OR x.privilege_type = 'SELECT' AND x.grantee = 0)
      UNION ALL
      SELECT format('column %s of %s', t.attname, c.oid::regclass), format('%s (%I) ON %s', x.privilege_type, t.attname, c.oid::regclass), x.privilege_type, nullif(x.grantee, 0)
        -- not a join: that would read all columns of the database
        FROM (SELECT a.* FROM pg_attribute a WHERE a.attrelid = ANY (ARRAY(SELECT m.objid FROM member m WHERE m.classid = 'pg_class'::regclass)) AND a.attacl IS NOT NULL) t
        JOIN pg_class c ON c.oid = t.attrelid CROSS JOIN LATERAL aclexplode(t.attacl) x
       WHERE x.grantee <> c.relowner AND (x.privilege_type NOT IN ('SELECT', 'REFERENCES') OR x.privilege_type = 'SELECT' AND x.grantee = 0)
      UNION ALL
      SELECT 'schema dts_ddl', 'CREATE ON SCHEMA dts_ddl', x.privilege_type, nullif(x.grantee, 0)
        FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) x
       WHERE n.nspname = 'dts_ddl' AND x.grantee <> n.nspowner AND x.privilege_type = 'CREATE'
      UNION ALL
      SELECT p.oid::regprocedure::text, format('EXECUTE ON FUNCTION %s', p.oid::regprocedure), x.privilege_type, nullif(x.grantee, 0)
        FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x
       WHERE x.grantee = 0 OR x.grantee <> p.proowner AND p.proname IN ('start_apply', 'stop_apply', 'start_capture', 'skip', 'adopt_tables', 'copy_table', 'prune')
      UNION ALL
      SELECT 'public.dts_ddl_command', r.rolname::text, 'the rights of ' || r.rolname, m.member
        FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles x ON x.oid = m.member
       WHERE r.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program') AND NOT x.rolsuper
{parameter_rights}    ) a
), other AS (
  SELECT t.evtname,
         t.evtname ~ '^(awsdms_|hwdrs_|udts_|ape_dts_|dts_|dms_|auto_rep_ddl|pgl_ddl|pglogical|spock|pgactive|bucardo|tg_ddl|ddl_capture|replicate_ddl)'
         OR n.nspname IN ('pgl_ddl_deploy', 'pglogical', 'spock', 'pgactive', 'bdr')
         OR p.prosrc ~* '(dts_ddl_command|awsdms_ddl_audit|ddl_audit|ape_dts_ddl|hwdrs_ddl)'
         -- what reads the command or its objects and keeps them somewhere
         OR p.prosrc ~* '(current_query|pg_event_trigger_ddl_commands|pg_event_trigger_dropped_objects|pg_stat_activity)'
            AND p.prosrc ~* '(insert[[:space:]]+into|pg_logical_emit_message|pg_notify|dblink|replicate_ddl)' AS is_rival
    FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = t.oid)
     AND t.evtenabled <> 'D'
     AND t.evtname NOT IN (SELECT x.name FROM expected_trigger x)
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
       CASE WHEN bool_or(p.remedy IS NULL AND p.name IS NOT NULL) THEN 'DROP EXTENSION dts_ddl_capture and create it again; DDL that was run meanwhile is not captured: dump the schema anew'
            WHEN count(p.*) > 0 THEN string_agg(p.remedy, '; ' ORDER BY p.name) || ' (a destination: dts_ddl.start_apply() or stop_apply(capture => true)); DDL that was run meanwhile is not captured: compare the schemas' END
  FROM trigger_problem p
UNION ALL
SELECT 'copy', CASE WHEN {untold_copy} THEN 'error' ELSE 'ok' END,
       CASE WHEN {untold_copy} THEN 'this database was made by the restore of a dump: nothing is recorded' ELSE 'no copy that waits to be told what it is' END,
       CASE WHEN {untold_copy} THEN 'SELECT dts_ddl.start_capture(), or make the consumer''s logical replication slot, if it is a source; dts_ddl.start_apply() on a destination' END
UNION ALL
SELECT 'functions', CASE WHEN count(p.problem) > 0 THEN 'error' ELSE 'ok' END,
       coalesce(string_agg(format('%s %s', p.name, p.problem), '; ' ORDER BY p.name) FILTER (WHERE p.problem IS NOT NULL), 'as installed'),
       CASE WHEN bool_or(p.remedy IS NULL AND p.name IS NOT NULL) THEN 'DROP EXTENSION dts_ddl_capture and create it again'
            WHEN count(p.problem) > 0 THEN string_agg(p.remedy, '; ' ORDER BY p.name) || '. DDL that was run meanwhile may be recorded wrongly or not at all: compare the schemas' END
  FROM function_problem p
UNION ALL
SELECT 'table',
       -- what neither loses a row nor makes DDL fail
       CASE WHEN count(p.problem) FILTER (WHERE p.problem !~ '^(has columns with another|has further constraints|.* (not OWNED BY|out of order))') > 0 THEN 'error'
            WHEN count(p.problem) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce('public.dts_ddl_command ' || string_agg(p.problem, '; '), 'public.dts_ddl_command has its 14 columns, key and sequence'),
       CASE WHEN count(p.problem) > 0 THEN 'Undo the change (with dts_ddl_capture.enabled = off); or DROP EXTENSION dts_ddl_capture and create it again' END
  FROM table_problem p
UNION ALL
SELECT 'rights', CASE WHEN count(r.*) > 0 THEN 'warning' ELSE 'ok' END,
       coalesce(string_agg(format('%s has %s on %s', r.grantee, r.privilege_type, r.what), '; ' ORDER BY r.grantee, r.what, r.privilege_type),
                'nobody but the owner may write, and PUBLIC reads nothing'),
       string_agg(format('REVOKE %s FROM %s', r.target, r.grantee), '; ' ORDER BY r.grantee, r.what, r.privilege_type)
         || ': who can write rows decides what runs on the destination, who can change the settings what is captured, and statements are not for PUBLIC'
  FROM foreign_right r
UNION ALL
SELECT 'rivals', CASE WHEN count(*) FILTER (WHERE r.is_rival) > 0 THEN 'warning' ELSE 'ok' END,
       concat_ws('; ', coalesce('other DDL captures: event trigger ' || string_agg(format('"%s"', r.evtname), ', ' ORDER BY r.evtname) FILTER (WHERE r.is_rival), 'no other DDL capture'),
                 'other event triggers: ' || string_agg(format('"%s"', r.evtname), ', ' ORDER BY r.evtname) FILTER (WHERE NOT r.is_rival)),
       string_agg(format('DROP EVENT TRIGGER %I', r.evtname), '; ' ORDER BY r.evtname) FILTER (WHERE r.is_rival)
         || ', once its consumer no longer needs it: each records the commands of the other'
  FROM other r
