-- The three objects that consumers know by name, and nothing else outside schema dts_ddl.
SELECT t.is('columns, types and order',
  (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
   FROM pg_attribute WHERE attrelid = 'public.dts_ddl_command'::regclass AND attnum > 0 AND NOT attisdropped),
  'ddl_text text, id bigint, event text, tag text, username character varying, database character varying, '
  'schema character varying, object_type character varying, object_name character varying, '
  'client_address character varying, client_port integer, event_time timestamp with time zone, '
  'txid_current character varying(128), message text');
SELECT t.is('14 columns, none dropped', (SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.dts_ddl_command'::regclass AND attnum > 0), 14);
SELECT t.is('attribute numbers are 1 to 14', (SELECT max(attnum)::int FROM pg_attribute WHERE attrelid = 'public.dts_ddl_command'::regclass), 14);
SELECT t.is('default collation', (SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.dts_ddl_command'::regclass AND attnum > 0
  AND attcollation NOT IN (0, 'pg_catalog."default"'::regcollation)), 0);
SELECT t.is('only id is NOT NULL', (SELECT string_agg(attname, ',') FROM pg_attribute
  WHERE attrelid = 'public.dts_ddl_command'::regclass AND attnum > 0 AND attnotnull), 'id');
SELECT t.is('primary key (id)', (SELECT pg_get_constraintdef(oid) FROM pg_constraint
  WHERE conrelid = 'public.dts_ddl_command'::regclass AND contype = 'p'), 'PRIMARY KEY (id)');
SELECT t.is('id is a bigserial', pg_get_serial_sequence('public.dts_ddl_command', 'id'), 'public.dts_ddl_command_id_seq');
SELECT t.is('default of id', (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'public.dts_ddl_command'::regclass),
  $$nextval('dts_ddl_command_id_seq'::regclass)$$);
SELECT t.is('sequence is bigint from 1', (SELECT (seqtypid::regtype, seqstart, seqincrement, seqcycle)::text FROM pg_sequence
  WHERE seqrelid = 'public.dts_ddl_command_id_seq'::regclass), '(bigint,1,1,f)');
SELECT t.is('ordinary, permanent, logged table without row security',
  (SELECT (relkind, relpersistence, relrowsecurity)::text FROM pg_class WHERE oid = 'public.dts_ddl_command'::regclass), '(r,p,f)');

SELECT t.is('function returns event_trigger', (SELECT prorettype::regtype::text FROM pg_proc WHERE oid = 'public.dts_capture_ddl()'::regprocedure), 'event_trigger');
SELECT t.is('function is written in C', (SELECT lanname::text FROM pg_proc p JOIN pg_language l ON l.oid = prolang WHERE p.oid = 'public.dts_capture_ddl()'::regprocedure), 'c');
-- The functions that look things up are pinned. Those of capture look nothing up by name; capture_start() must even see the user's own
-- search_path, which it records.
SELECT t.is('event trigger functions whose search_path is not pinned',
  (SELECT string_agg(p.oid::regprocedure::text, ',' ORDER BY proname) FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
   JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'dts_ddl_capture'
   WHERE p.prorettype = 'event_trigger'::regtype AND p.proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']), 'dts_ddl.capture_drop(),dts_ddl.capture_rewrite(),dts_ddl.capture_start(),dts_capture_ddl()');
SELECT t.is('one function of that name', (SELECT count(*) FROM pg_proc WHERE proname = 'dts_capture_ddl'), 1);

SELECT t.is('the event triggers',
  (SELECT string_agg(concat_ws(' ', evtname, evtevent, evtfoid::regprocedure, evtenabled, coalesce(array_to_string(evttags, ','), '-')), '; ' ORDER BY evtname)
   FROM pg_event_trigger),
  'dts_intercept_ddl ddl_command_end dts_capture_ddl() O -; '
  'dts_intercept_drop sql_drop dts_ddl.capture_drop() O -; '
  'dts_intercept_rewrite table_rewrite dts_ddl.capture_rewrite() O -; '
  'dts_intercept_start ddl_command_start dts_ddl.capture_start() O -');

-- Membership: everything belongs to the extension, and it owns nothing elsewhere.
SELECT t.is('objects of the extension outside dts_ddl',
  (SELECT string_agg(pg_describe_object(classid, objid, objsubid), '; ' ORDER BY pg_describe_object(classid, objid, objsubid) COLLATE "C")
   FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
   WHERE e.extname = 'dts_ddl_capture' AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass  -- from 17 on the row types of tables too
     AND NOT EXISTS (SELECT FROM pg_identify_object(classid, objid, objsubid) i WHERE i.schema = 'dts_ddl')),
  'event trigger dts_intercept_ddl; event trigger dts_intercept_drop; event trigger dts_intercept_rewrite; event trigger dts_intercept_start; '
  'function dts_capture_ddl(); schema dts_ddl; sequence dts_ddl_command_id_seq; table dts_ddl_command');
SELECT t.is('everything in schema dts_ddl is a member', (
  SELECT string_agg(pg_describe_object(c, o, 0), ',') FROM (
    SELECT 'pg_proc'::regclass AS c, oid AS o FROM pg_proc WHERE pronamespace = 'dts_ddl'::regnamespace
    UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = 'dts_ddl'::regnamespace AND relkind IN ('r', 'v', 'S', 'm')) x
  WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = c AND d.objid = o AND d.deptype = 'e')), NULL);
SELECT t.is('functions of dts_ddl that are documented exist',
  (SELECT string_agg(p, ',' ORDER BY p) FROM unnest(ARRAY['dts_ddl.capture_start()', 'dts_ddl.capture_drop()', 'dts_ddl.capture_rewrite()',
     'dts_ddl.pruned_through()', 'dts_ddl.prune()', 'dts_ddl.gaps()', 'dts_ddl.statement_tags(text)', 'dts_ddl.last_id()', 'dts_ddl.script(bigint,bigint)']) p WHERE to_regprocedure(p) IS NULL), NULL);
SELECT t.is('their result types', (SELECT string_agg(p || ' ' || (SELECT pg_get_function_result(p::regprocedure)), '; ' ORDER BY p)
  FROM unnest(ARRAY['dts_ddl.gaps()', 'dts_ddl.last_id()', 'dts_ddl.prune()', 'dts_ddl.pruned_through()', 'dts_ddl.script(bigint,bigint)', 'dts_ddl.statement_tags(text)']) p),
  'dts_ddl.gaps() bigint; dts_ddl.last_id() bigint; dts_ddl.prune() bigint; dts_ddl.pruned_through() bigint; dts_ddl.script(bigint,bigint) SETOF text; dts_ddl.statement_tags(text) text[]');
SELECT t.is('owner of all is who created the extension',
  (SELECT string_agg(DISTINCT o::regrole::text, ',') FROM (
    SELECT relowner AS o FROM pg_class WHERE oid IN ('public.dts_ddl_command'::regclass, 'public.dts_ddl_command_id_seq'::regclass)
    UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'dts_ddl'::regnamespace OR proname = 'dts_capture_ddl'
    UNION ALL SELECT evtowner FROM pg_event_trigger
    UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'dts_ddl') x), quote_ident(current_user));
SELECT t.is('schema', (SELECT (extnamespace::regnamespace::text, extrelocatable)::text FROM pg_extension WHERE extname = 'dts_ddl_capture'), '(public,f)');
SELECT t.is('the capture table starts empty', (SELECT count(*) FROM public.dts_ddl_command), 0);
