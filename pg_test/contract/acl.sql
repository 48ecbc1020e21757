-- extension: no
-- No right for PUBLIC or anybody else, even where default privileges would give them.
CREATE ROLE acl_app; CREATE ROLE acl_reader;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC, acl_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC, acl_app;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC, acl_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC, acl_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO acl_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO acl_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO acl_reader;
CREATE FUNCTION pg_temp.grants() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format('%s on %s to %s', a.privilege_type, o.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END), '; ')
  FROM (
    SELECT oid::regclass::text AS what, relowner AS owner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl
      FROM pg_class WHERE relkind IN ('r', 'S', 'v', 'm') AND (relname LIKE 'dts\_%' OR relnamespace = to_regnamespace('dts_ddl'))
    UNION ALL
    SELECT oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
      WHERE proname = 'dts_capture_ddl' OR pronamespace = to_regnamespace('dts_ddl')
    UNION ALL
    SELECT nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname = 'dts_ddl'
  ) o, aclexplode(o.acl) a WHERE a.grantee <> o.owner AND a.grantee <> 'pg_monitor'::regrole
$$;
CREATE EXTENSION dts_ddl_capture;
SELECT t.is('grants to others than the owner', pg_temp.grants(), NULL);
SELECT t.is('pg_monitor may look at numbers', (
  SELECT string_agg(what, ', ' ORDER BY what) FROM (
    SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'dts_ddl'::regnamespace AND has_function_privilege('pg_monitor', oid, 'EXECUTE')
    UNION ALL
    SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'dts_ddl'::regnamespace AND relkind <> 'i'
      AND has_table_privilege('pg_monitor', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')) AS o(what)),
  'dts_ddl."check"(), dts_ddl.status, dts_ddl.status_document()');
-- and after the default privileges' removal too: PUBLIC's built-in EXECUTE is revoked
SELECT t.check('PUBLIC may not execute any function', NOT EXISTS (
  SELECT FROM pg_proc WHERE (proname = 'dts_capture_ddl' OR pronamespace = 'dts_ddl'::regnamespace)
    AND has_function_privilege('acl_app', oid, 'EXECUTE')));
SELECT t.check('nor use the schema', NOT has_schema_privilege('acl_app', 'dts_ddl', 'USAGE, CREATE'));
SELECT t.check('nor the table', NOT has_table_privilege('acl_app', 'public.dts_ddl_command', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'));
SELECT t.check('nor a column of it', NOT has_any_column_privilege('acl_app', 'public.dts_ddl_command', 'SELECT, INSERT, UPDATE, REFERENCES'));
SELECT t.check('nor the sequence', NOT has_sequence_privilege('acl_app', 'public.dts_ddl_command_id_seq', 'USAGE, SELECT, UPDATE'));
SELECT t.none('creating the extension is not captured');
SELECT dts_ddl.start_apply(trust_source => true);
SELECT t.is('on what start_apply() makes', pg_temp.grants(), NULL);
DROP EXTENSION dts_ddl_capture;
