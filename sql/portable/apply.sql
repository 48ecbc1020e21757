-- dts_ddl_capture, portable apply: a destination in plain SQL and PL/pgSQL, for servers on which no native library can be loaded, and for
-- any replicator that writes rows into a table: a stock subscription, pgcopydb, a JDBC sink. Each row that is inserted into table
-- public.dts_ddl_command is a DDL command of the source, and is run in the transaction that inserts it. For psql -f and for pasting into a
-- web console: it is ONE statement, so that either everything is made or nothing. Run again over itself it puts functions, triggers and
-- rights in order. docs/portable-apply.md says how it is used, and what it must not be used for; remove_apply.sql removes it.
--
-- What it makes: table public.dts_ddl_command with its 14 columns, if it is not there, two triggers on it, and schema dts_ddl_apply.
--
-- What it relies on: PostgreSQL 13 or later; a role that has CREATE on the database and on schema public, and may become each role whose
-- commands arrive (SET ROLE). No file, no library, no setting of the server.
--
-- As whom a command runs. A plain function that says SET ROLE is no wall: the code that a command calls says RESET ROLE. PostgreSQL itself
-- refreshes a materialized view with the rights of its owner alone, in a security-restricted operation: no code in there becomes anybody
-- else, leaves a setting, a temporary object, a deferred trigger or a cursor behind. So each command is run by the refresh of a view that
-- is made for it, given to the role, and dropped afterwards. The view lies in a schema of its own with a name that nobody can know
-- beforehand: nobody else can put something there, and the role cannot put anything in its place.
-- What a row's text can do to the functions here is nothing: they read it as values, and only the refresh (in run()) runs it.
DO $install$
DECLARE
  trusted pg_catalog.oid[];     -- the role that installs, and superusers if it is one: nothing of anybody else is used
  wrong pg_catalog.text;
  item pg_catalog.text;
  is_again pg_catalog.bool;
  is_new_table pg_catalog.bool;
  path constant pg_catalog.text := pg_catalog.current_setting('search_path');
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

  -- Is the place free? Every refusal comes before anything is made.
  IF current_setting('server_version_num')::integer < 130000 THEN
    RAISE EXCEPTION 'portable apply needs PostgreSQL 13 or later' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'dts_ddl_capture') THEN
    RAISE EXCEPTION 'extension dts_ddl_capture is installed in this database' USING
      ERRCODE = 'duplicate_object', DETAIL = 'It applies DDL itself, and does more than portable apply can.',
      HINT = 'Use SELECT dts_ddl.start_apply(). If portable apply is really wanted: DROP EXTENSION dts_ddl_capture first.';
  END IF;
  IF EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_ddl') THEN
    RAISE EXCEPTION 'this database captures DDL itself: event trigger "dts_intercept_ddl" exists' USING
      ERRCODE = 'duplicate_object', DETAIL = 'Its own commands and those of the source would go into the same table.',
      HINT = 'Where it came along in a dump of the source, remove it here: by sql/portable/uninstall.sql, if it is the portable edition.';
  END IF;
  trusted := ARRAY(SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user
                    OR r.rolsuper AND (SELECT me.rolsuper FROM pg_roles me WHERE me.rolname = current_user));
  is_again := EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                       WHERE n.nspname = 'dts_ddl_apply' AND c.relname = 'own');
  SELECT CASE WHEN o.oid = n.oid THEN 'schema "dts_ddl_apply"' ELSE 'an object in schema "dts_ddl_apply"' END INTO wrong
    FROM pg_namespace n JOIN (
      SELECT x.oid, x.oid AS nsp, x.nspowner AS owner FROM pg_namespace x
      UNION ALL SELECT x.oid, x.relnamespace, x.relowner FROM pg_class x
      UNION ALL SELECT x.oid, x.typnamespace, x.typowner FROM pg_type x
      UNION ALL SELECT x.oid, x.pronamespace, x.proowner FROM pg_proc x
      UNION ALL SELECT x.oid, x.oprnamespace, x.oprowner FROM pg_operator x) o ON o.nsp = n.oid
   WHERE n.nspname = 'dts_ddl_apply' AND NOT (o.owner = ANY (trusted)) ORDER BY o.oid = n.oid DESC LIMIT 1;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION '% belongs to another role', wrong USING ERRCODE = 'insufficient_privilege',
      HINT = 'Run this script as the role that installed portable apply. If none did: look at what it is and who made it, and drop it.';
  END IF;
  IF NOT is_again AND EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'dts_ddl_apply') THEN
    RAISE EXCEPTION 'schema "dts_ddl_apply" already exists' USING ERRCODE = 'duplicate_schema', HINT = 'Rename or drop it.';
  END IF;
  SELECT CASE WHEN c.relkind <> 'r' THEN 'It is no ordinary table.'
              WHEN NOT (c.relowner = ANY (trusted)) THEN 'It belongs to ' || quote_ident(pg_get_userbyid(c.relowner)) || '.'
              WHEN c.relpersistence = 't' OR c.relispartition OR c.relhassubclass OR c.relhasrules OR c.relrowsecurity
                THEN 'It has a rule, a policy or a table that inherits from it, or is a partition.'
              WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname NOT IN ('dts_ddl_arriving', 'dts_ddl_arrived'))
                THEN 'It has a trigger.'
              WHEN EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
                THEN 'It has an index with an expression or a condition.'
              WHEN (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND (
                      a.attname IN ('ddl_text', 'tag', 'username', 'object_name', 'message') AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)
                      OR a.attname = 'id' AND a.atttypid IN ('int8'::regtype, 'int4'::regtype))) <> 6
                THEN 'It lacks one of the columns ddl_text, id, tag, username, object_name, message, or one has another type.' END
    INTO wrong FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname = 'dts_ddl_command';
  is_new_table := NOT FOUND;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'relation "public.dts_ddl_command" is not what portable apply can use' USING
      ERRCODE = 'wrong_object_type', DETAIL = wrong, HINT = 'Look at what it is and who made it. What is not needed: drop it, and run this script again.';
  END IF;
  IF NOT has_database_privilege(current_database(), 'CREATE') OR is_new_table AND NOT has_schema_privilege('public', 'CREATE') THEN
    RAISE EXCEPTION 'permission denied to install portable apply' USING
      ERRCODE = 'insufficient_privilege',
      DETAIL = 'It needs CREATE on schema public and on database ' || quote_ident(current_database()) || '.',
      HINT = 'Run it as superuser, or with the privileged account of the service.';
  END IF;

  IF NOT is_again THEN
    CREATE SCHEMA dts_ddl_apply;
    CREATE TABLE dts_ddl_apply.own (version text NOT NULL, made_table boolean NOT NULL, history bigint NOT NULL);
    CREATE TABLE dts_ddl_apply.log (
      id bigint PRIMARY KEY,
      status text NOT NULL,
      tag text,
      role text,
      finished timestamptz NOT NULL DEFAULT clock_timestamp(),
      note text
    );
    CREATE TABLE dts_ddl_apply.role_map (source text PRIMARY KEY, destination text NOT NULL);
    INSERT INTO dts_ddl_apply.own VALUES ('', is_new_table, 0);
  END IF;
  IF is_new_table THEN
    CREATE TABLE public.dts_ddl_command (
      ddl_text text,
      id bigint PRIMARY KEY,
      event text,
      tag text,
      username varchar,
      database varchar,
      schema varchar,
      object_type varchar,
      object_name varchar,
      client_address varchar,
      client_port integer,
      event_time timestamptz,
      txid_current varchar(128),
      message text
    );
    COMMENT ON TABLE public.dts_ddl_command IS 'DDL commands of the source; each row that is inserted is run here (portable apply of dts_ddl_capture)';
  END IF;
  UPDATE dts_ddl_apply.own SET version = '1.9.0';
  IF NOT is_again AND NOT is_new_table THEN
    -- rows that came before are not run, now or later
    LOCK TABLE public.dts_ddl_command IN SHARE ROW EXCLUSIVE MODE;
    UPDATE dts_ddl_apply.own SET history = coalesce((SELECT max(c.id) FROM ONLY public.dts_ddl_command c), 0);
  END IF;
  COMMENT ON SCHEMA dts_ddl_apply IS 'Portable apply of dts_ddl_capture';
  COMMENT ON TABLE dts_ddl_apply.own IS 'Portable apply: its version, whether it has made the table, and up to which id rows are history';
  COMMENT ON TABLE dts_ddl_apply.log IS 'What has become of each command, once; what is here is not run again';
  COMMENT ON COLUMN dts_ddl_apply.log.status IS 'applied, not for replay, left out, skipped, history';
  COMMENT ON TABLE dts_ddl_apply.role_map IS 'Roles of the source that have another name here; what they ran runs as that role';

  -- The commands up to this id are in the schema already: they are not run.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.history(up_to bigint) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $fn$
    UPDATE dts_ddl_apply.own SET history = up_to
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.history(bigint) IS 'Commands up to this id are in the schema already, and are not run';

  -- A command that was not run yet is left out when it comes.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.skip(id bigint) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    INSERT INTO dts_ddl_apply.log (id, status) VALUES (skip.id, 'skipped');
  EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'DDL command % has come already: %', skip.id, (SELECT l.status FROM dts_ddl_apply.log l WHERE l.id = skip.id)
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.skip(bigint) IS 'Leaves the command with this id out when it comes';

  -- Rights that a role has here beyond those that the row names, as dts_ddl.script() asks for them.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.beyond(role text, had text[]) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
    SELECT string_agg(DISTINCT has.name, ', ' ORDER BY has.name) FROM pg_roles r, LATERAL (
      SELECT a.name FROM (VALUES ('superuser', r.rolsuper), ('createrole', r.rolcreaterole), ('createdb', r.rolcreatedb),
        ('replication', r.rolreplication), ('bypassrls', r.rolbypassrls)) a (name, has) WHERE a.has
      UNION ALL SELECT 'pg_database_owner' FROM pg_database d
        WHERE d.datname = current_database() AND pg_has_role(r.oid, d.datdba, 'USAGE')
      UNION ALL SELECT CASE WHEN p.rolsuper THEN 'member_of_superuser' ELSE p.rolname::text END
        FROM pg_roles p WHERE (p.rolsuper OR p.oid < 16384 AND p.oid <> 10 AND p.rolname <> 'pg_database_owner')
          AND pg_has_role(r.oid, p.oid, 'USAGE')) has (name)
      WHERE r.rolname = beyond.role AND has.name <> ALL (beyond.had) AND (has.name = 'superuser' OR NOT r.rolsuper)
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.beyond(text, text[]) IS 'Rights of a role here beyond those that a row names';

  -- The statement without CONCURRENTLY, which no function can run: only where the tag and the first words of the statement (for DETACH
  -- PARTITION: all of it) say that this is the word CONCURRENTLY. Elsewhere, in a name, a string or a body, it stays. Between words is white
  -- space or a comment with no other one in it; what is written otherwise stays as it is, and fails with PostgreSQL's own error.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.plain_form(tag text, statement text, leaves_constraint boolean) RETURNS text
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_gap constant text := E'(?:[ \\t\\n\\r\\f\\v]|--[^\\n\\r]*[\\n\\r]|/\\*(?:[^*/]|\\*(?!/)|/(?!\\*))*\\*/)';
    c_part constant text := E'(?:"(?:[^"]|"")+"|[[:alpha:]_\\u0080-\\uffff][[:alnum:]_$\\u0080-\\uffff]*)';
    c_name constant text := c_part || '(?:' || c_gap || E'*\\.' || c_gap || '*' || c_part || ')*';
    c_end constant text := E'(?![[:alnum:]_$\\u0080-\\uffff])';
    v_before text[];
  BEGIN
    IF tag = 'ALTER TABLE' THEN
      v_before := regexp_match(statement, format(
        '^(%1$s*alter%1$s+table%1$s+(?:if%1$s+exists%1$s+)?(?:only%1$s+)?%2$s%1$s+detach%1$s+partition%1$s+)(%2$s)%1$s+(?:concurrently|finalize)%1$s*$',
        c_gap, c_name), 'i');
      IF v_before IS NULL THEN
        RETURN statement;
      ELSIF NOT leaves_constraint THEN
        RETURN v_before[1] || v_before[2];
      END IF;
      -- The constraint that the concurrent form has left there. Of a hash partition it would name the parent by its OID. Who owns the
      -- parent need not own the partition: then it stays without.
      RETURN format('DO %L', format($do$DECLARE
        partition constant pg_catalog.regclass := %L::pg_catalog.regclass;
        definition pg_catalog.text := CASE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i, pg_catalog.pg_partitioned_table p
          WHERE i.inhrelid OPERATOR(pg_catalog.=) partition AND p.partrelid OPERATOR(pg_catalog.=) i.inhparent
            AND p.partstrat OPERATOR(pg_catalog.=) 'h') THEN pg_catalog.pg_get_partition_constraintdef(partition) END;
      BEGIN
        IF definition IS NOT NULL THEN
          BEGIN
            EXECUTE pg_catalog.format('ALTER TABLE %%s ADD CHECK (%%s)', partition, definition);
          EXCEPTION WHEN insufficient_privilege THEN
            NULL;
          END;
        END IF;
        EXECUTE %L;
      END$do$, v_before[2], v_before[1] || v_before[2]));
    END IF;
    v_before := CASE tag
      WHEN 'CREATE INDEX' THEN regexp_match(statement, format('^(%1$s*create%1$s+(?:unique%1$s+)?index%1$s+)concurrently%2$s', c_gap, c_end), 'i')
      WHEN 'DROP INDEX' THEN regexp_match(statement, format('^(%1$s*drop%1$s+index%1$s+)concurrently%2$s', c_gap, c_end), 'i')
      WHEN 'REINDEX' THEN regexp_match(statement, format('^(%1$s*reindex%1$s+(?:index|table)%1$s+)concurrently%2$s', c_gap, c_end), 'i')
      WHEN 'REFRESH MATERIALIZED VIEW'
        THEN regexp_match(statement, format('^(%1$s*refresh%1$s+materialized%1$s+view%1$s+)concurrently%2$s', c_gap, c_end), 'i') END;
    RETURN coalesce(v_before[1] || substr(statement, length(v_before[1]) + length('concurrently') + 1), statement);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.plain_form(text, text, boolean) IS 'A statement without CONCURRENTLY, which no function can run';

  -- Runs a command as whoever calls it: the owner of the view that is refreshed, in a security-restricted operation, which also takes back
  -- all settings. It has no search_path of its own: that of arrived(), in which nothing but pg_catalog is found, until the command's own is set.
  -- Whoever calls it without arrived() runs what he has put into the setting himself, with his own rights.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.run() RETURNS boolean LANGUAGE plpgsql AS $fn$
  DECLARE
    -- PostgreSQL's built-in defaults; but for check_function_bodies: a body may name what only the source's session had, and was checked there
    c_defaults constant jsonb := '{"array_nulls": "on", "backslash_quote": "safe_encoding", "bytea_output": "hex", "createrole_self_grant": "",
      "DateStyle": "ISO, MDY", "default_table_access_method": "heap", "default_tablespace": "",
      "default_text_search_config": "pg_catalog.simple", "default_toast_compression": "pglz", "extra_float_digits": "1",
      "IntervalStyle": "postgres", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "quote_all_identifiers": "off",
      "standard_conforming_strings": "on", "TimeZone": "GMT", "timezone_abbreviations": "Default", "transform_null_equals": "off",
      "xmlbinary": "base64", "xmloption": "content"}';
    c_lenient constant text[] := '{lc_monetary,lc_numeric,lc_time,default_text_search_config,default_table_access_method,default_tablespace}';
    v_row constant jsonb := current_setting('dts_ddl_apply.row');
    v_statement constant text := current_setting('dts_ddl_apply.statement');
    v_made constant jsonb := v_row -> 'made';
    v_before oid[];
    v_wrong record;
    v_setting record;
    v_item text;
    v_path constant text := (SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.place)
      FROM jsonb_array_elements_text(v_row -> 'search_path') WITH ORDINALITY s (name, place) WHERE s.name <> 'pg_temp');
  BEGIN
    IF v_made IS NOT NULL THEN
      v_before := ARRAY(SELECT c.oid FROM pg_class c WHERE c.relkind IN ('i', 'I', 'S'));
    END IF;
    FOR v_setting IN
      SELECT d.key AS name, coalesce(v_row -> 'settings' ->> d.key, d.value) AS value FROM jsonb_each_text(c_defaults) d
      UNION ALL SELECT s.key, s.value FROM jsonb_each_text(coalesce(v_row -> 'settings', '{}')) s WHERE s.key LIKE '%.%'
    LOOP
      CONTINUE WHEN current_setting(v_setting.name, true) = v_setting.value;
      CONTINUE WHEN current_setting(v_setting.name, true) IS NULL AND v_setting.name NOT LIKE '%.%';  -- this major has no such
      BEGIN
        PERFORM set_config(v_setting.name, v_setting.value, true);
      EXCEPTION WHEN invalid_parameter_value OR undefined_object OR insufficient_privilege THEN
        IF NOT (v_setting.name = ANY (c_lenient)) THEN
          RAISE;
        END IF;
        RAISE WARNING 'DDL command %: % cannot be set to "%" here and stays as it is', v_row ->> 'id', v_setting.name, v_setting.value;
      END;
    END LOOP;
    PERFORM set_config('check_function_bodies', 'off', true);
    PERFORM set_config('search_path', coalesce(v_path, ''), true);
    EXECUTE v_statement;
    -- The code of the command may have set another one. Nothing here can be found in it.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR v_item IN SELECT i.name FROM jsonb_array_elements_text(coalesce(v_row -> 'replica_identity', '[]')) i (name) LOOP
      EXECUTE 'ALTER TABLE ' || v_item || ' REPLICA IDENTITY FULL';
    END LOOP;
    IF v_made IS NULL THEN
      RETURN true;
    END IF;
    -- What the server has named here gets the name that it has on the source: those that are alike in the order in which they were made.
    -- First out of the way of each other.
    WITH list AS (
      SELECT m.number, m.x ->> 'type' AS kind, m.x ->> 'table' AS shown, m.x ->> 'name' AS name, coalesce(m.x ->> 'definition', '') AS definition,
             coalesce((m.x ->> 'later')::boolean, false) AS later,
             CASE WHEN m.x ->> 'table' IS NULL THEN 0 ELSE coalesce(to_regclass(m.x ->> 'table')::oid, 1) END AS relation
        FROM jsonb_array_elements(v_made) WITH ORDINALITY m (x, number)
    ), wanted AS (
      SELECT l.*, row_number() OVER (PARTITION BY l.kind, l.relation, l.definition ORDER BY l.number) AS place FROM list l
    ), made AS (
      SELECT m.*, row_number() OVER (PARTITION BY m.kind, m.relation, m.definition ORDER BY m.oid) AS place FROM (
        SELECT i.indexrelid AS oid, i.indrelid AS relation, 'index' AS kind, concat(
                 replace(pg_get_indexdef(i.indexrelid), format('%I ON ', c.relname), 'ON '),
                 (SELECT ' CONSTRAINT ' || pg_get_constraintdef(o.oid) FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype <> 'f'))
                 AS definition
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid IN (SELECT w.relation FROM wanted w) AND i.indexrelid <> ALL (v_before)
        UNION ALL
        SELECT c.oid, 0, 'sequence', '' FROM pg_class c WHERE c.relkind = 'S' AND c.oid <> ALL (v_before)) m
    )
    SELECT jsonb_agg(jsonb_build_object('kind', w.kind, 'oid', m.oid, 'name', w.name) ORDER BY w.number)
             FILTER (WHERE m.oid IS NOT NULL AND c.relname <> w.name) AS renamed,
           string_agg(concat_ws(' ', w.kind, w.name), ', ') FILTER (WHERE m.oid IS NULL AND NOT w.later) AS missing
      INTO v_wrong
      FROM wanted w LEFT JOIN made m ON m.kind = w.kind AND m.relation = w.relation AND m.definition = w.definition AND m.place = w.place
      LEFT JOIN pg_class c ON c.oid = m.oid;
    IF v_wrong.missing IS NOT NULL THEN
      RAISE EXCEPTION 'the command did not make here what it made on the source: %', v_wrong.missing USING ERRCODE = 'undefined_object';
    END IF;
    FOR v_step IN 1 .. 2 LOOP
      FOR v_item IN
        SELECT format('ALTER %s %I.%I RENAME TO %I', r.x ->> 'kind', n.nspname, c.relname,
                      CASE v_step WHEN 1 THEN 'dts_apply_' || (r.x ->> 'oid') ELSE r.x ->> 'name' END)
          FROM jsonb_array_elements(v_wrong.renamed) r (x) JOIN pg_class c ON c.oid = (r.x ->> 'oid')::oid JOIN pg_namespace n ON n.oid = c.relnamespace
      LOOP
        EXECUTE v_item;
      END LOOP;
    END LOOP;
    RETURN true;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.run() IS 'Runs a command as the owner of the view that is refreshed';

  -- Runs a statement with the rights of a role. is_file: what it runs is a file of the server (an extension's script, which may need temporary
  -- tables), or the role's own objects go (with them a view of the role that is being refreshed): no code of anybody is in it, so that a
  -- SECURITY DEFINER function is enough, in which nobody can become another role.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.as_role(role text, id bigint, statement text, circumstances jsonb, is_file boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_schema constant text := 'dts_ddl_apply_' || replace(gen_random_uuid()::text, '-', '');
    v_name constant text := format('%I.%I', v_schema, 'command_' || id);
    v_kind constant text := CASE WHEN is_file THEN 'FUNCTION' ELSE 'MATERIALIZED VIEW' END;
    v_replication_role constant text := current_setting('session_replication_role');
    v_messages constant text := current_setting('client_min_messages');
  BEGIN
    -- As in an apply worker, where event triggers do not fire: what they did on the source has rows of its own.
    IF v_replication_role <> 'replica' THEN
      BEGIN
        PERFORM set_config('session_replication_role', 'replica', true);
      EXCEPTION WHEN insufficient_privilege THEN
        NULL;
      END;
    END IF;
    EXECUTE format('CREATE SCHEMA %I', v_schema);
    PERFORM set_config('dts_ddl_apply.statement', statement, true);
    PERFORM set_config('dts_ddl_apply.row', circumstances::text, true);
    IF is_file THEN
      EXECUTE format('CREATE FUNCTION %s() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = %s AS %L', v_name,
        coalesce((SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.place)
                    FROM jsonb_array_elements_text(circumstances -> 'search_path') WITH ORDINALITY s (name, place) WHERE s.name <> 'pg_temp'), quote_literal('')),
        'BEGIN EXECUTE pg_catalog.current_setting(''dts_ddl_apply.statement''); END');
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s() TO %I', v_name, current_user);
    ELSE
      EXECUTE format('CREATE MATERIALIZED VIEW %s AS SELECT dts_ddl_apply.run() WITH NO DATA', v_name);
    END IF;
    IF role <> current_user THEN
      EXECUTE format('GRANT CREATE ON SCHEMA %I TO %I', v_schema, role);
      EXECUTE format('ALTER %s %s OWNER TO %I', v_kind, v_name, role);
      EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM %I', v_schema, role);
    END IF;
    IF is_file THEN
      EXECUTE format('SELECT %s()', v_name);
    ELSE
      EXECUTE format('REFRESH MATERIALIZED VIEW %s', v_name);
    END IF;
    PERFORM set_config('dts_ddl_apply.statement', '', true);
    PERFORM set_config('dts_ddl_apply.row', '', true);
    -- without a NOTICE of what the command may have made to depend on it
    PERFORM set_config('client_min_messages', 'warning', true);
    EXECUTE format('DROP SCHEMA %I CASCADE', v_schema);
    PERFORM set_config('client_min_messages', v_messages, true);
    IF current_setting('session_replication_role') <> v_replication_role THEN
      PERFORM set_config('session_replication_role', v_replication_role, true);
    END IF;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.as_role(text, bigint, text, jsonb, boolean) IS 'Runs a statement with the rights of a role';

  -- What becomes of a command: status and note.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.command(c public.dts_ddl_command, subscription oid, OUT status text, OUT role text, OUT note text)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_row constant jsonb := c.message;
    v_author constant jsonb := coalesce(v_row -> 'run_as', v_row);
    v_source constant text := coalesce(v_row -> 'run_as' ->> 'role', c.username);
    v_notes text[] := '{}';
    v_is_superuser boolean;
    v_mapped text;
    v_more text;
    v_table regclass;
    v_owner text;
    v_item text;
    v_rows boolean;
  BEGIN
    IF v_row ->> 'v' IS DISTINCT FROM '1' THEN
      RAISE EXCEPTION 'the row''s "message" is not of version 1' USING ERRCODE = 'feature_not_supported';
    END IF;
    IF v_row ->> 'replay' = 'false' THEN
      status := 'not for replay';
      v_notes := v_notes || coalesce(v_row ->> 'replay_reason', 'not known');
    ELSIF c.tag = 'REINDEX' AND (
        c.ddl_text ~* E'^\\s*reindex\\s*\\([^()]*concurrently' OR c.ddl_text ~* E'^\\s*reindex\\s*(\\([^()]*\\)\\s*)?(schema|database|system)\\M'
        OR (SELECT k.relkind FROM pg_class k WHERE k.oid = to_regclass(c.object_name)) IN ('p', 'I'))
      OR c.tag IN ('CLUSTER', 'REPACK') AND (SELECT k.relkind FROM pg_class k WHERE k.oid = to_regclass(c.object_name)) = 'p' THEN
      status := 'left out';
      v_notes := v_notes || 'PostgreSQL runs it outside of transactions only'::text;
    ELSE
      SELECT m.destination INTO v_mapped FROM dts_ddl_apply.role_map m WHERE m.source = v_source;
      role := coalesce(v_mapped, v_source);
      SELECT r.rolsuper INTO v_is_superuser FROM pg_roles r WHERE r.rolname = role;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = 'undefined_object',
          HINT = 'Create it, or name the role that stands for it in dts_ddl_apply.role_map.';
      END IF;
      -- A role can do no more here than the row says it could there. (The portable edition does not tell rights but superuser; what the DBA
      -- has put into role_map is the DBA's decision.)
      IF v_mapped IS NULL AND v_author ->> 'superuser' IS DISTINCT FROM 'true' THEN
        v_more := CASE WHEN v_row ->> 'edition' = 'portable' THEN CASE WHEN v_is_superuser THEN 'superuser' END
          ELSE dts_ddl_apply.beyond(role, ARRAY(SELECT h.h FROM jsonb_array_elements_text(coalesce(v_author -> 'rights', '[]')) h (h))) END;
        IF v_more IS NOT NULL THEN
          RAISE EXCEPTION 'role "%" may do more here than it could on the source: %', role, v_more USING ERRCODE = 'insufficient_privilege',
            HINT = 'Take these rights from it here, or name the role that stands for it in dts_ddl_apply.role_map.';
        END IF;
      END IF;
      -- What CREATE .. IF NOT EXISTS has made there and finds here, of somebody else: it is another thing than there, and what comes next would
      -- run that one's code as a superuser, or as the role that installed this.
      IF (v_is_superuser OR role = current_user)
         AND c.tag IN ('CREATE SCHEMA', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SEQUENCE', 'CREATE MATERIALIZED VIEW') THEN
        SELECT o.x ->> 'identity' INTO v_item FROM jsonb_array_elements(coalesce(v_row -> 'objects', '[]')) WITH ORDINALITY o (x, place)
         WHERE o.x ->> 'type' = lower(substr(c.tag, 8)) ORDER BY o.place LIMIT 1;
        SELECT pg_get_userbyid(f.owner) INTO v_owner FROM (
          SELECT k.relowner AS owner FROM pg_class k WHERE k.oid = to_regclass(v_item) AND c.tag <> 'CREATE SCHEMA'
          UNION ALL SELECT n.nspowner FROM pg_namespace n WHERE n.oid = to_regnamespace(v_item) AND c.tag = 'CREATE SCHEMA') f
         WHERE pg_get_userbyid(f.owner) NOT IN (role, current_user) AND NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = f.owner);
        IF FOUND THEN
          RAISE EXCEPTION '% is here already, and belongs to role "%"', v_item, v_owner USING ERRCODE = 'duplicate_object',
            DETAIL = 'The command made it on the source.', HINT = 'Rename or drop it here, if it is not what it is on the source.';
        END IF;
      END IF;
      PERFORM dts_ddl_apply.as_role(role, c.id, dts_ddl_apply.plain_form(c.tag, c.ddl_text, (v_row ->> 'major')::integer < 19),
        jsonb_strip_nulls(jsonb_build_object('id', c.id, 'search_path', v_row -> 'search_path', 'settings', v_row -> 'settings',
          'replica_identity', v_row -> 'replica_identity', 'made', v_row -> 'made')),
        c.ddl_text NOT LIKE '%;%' AND (c.tag IN ('CREATE EXTENSION', 'ALTER EXTENSION') AND c.ddl_text ~* E'^(create|alter)\\s+extension\\M'
          OR c.tag = 'DROP OWNED' AND c.ddl_text ~* E'^drop\\s+owned\\M'));
      -- a lock of the session, which code of the command may have taken, would stay
      IF subscription IS NOT NULL THEN
        PERFORM pg_advisory_unlock_all();
      END IF;
      status := 'applied';
      IF (v_row ->> 'redacted')::integer > 0 THEN
        v_notes := v_notes || 'secrets are not in the row: set them by hand'::text;
      END IF;
    END IF;
    FOR v_item IN SELECT i.name FROM jsonb_array_elements_text(coalesce(v_row -> 'replica_identity_default', '[]')) i (name) LOOP
      SELECT pg_get_userbyid(k.relowner) INTO v_owner FROM pg_class k WHERE k.oid = to_regclass(v_item);
      IF FOUND THEN
        PERFORM dts_ddl_apply.as_role(v_owner, c.id, 'ALTER TABLE ' || v_item || ' REPLICA IDENTITY DEFAULT', '{"search_path": ["pg_catalog"]}', false);
      END IF;
    END LOOP;
    FOR v_item IN SELECT w.x ->> 'table' FROM jsonb_array_elements(coalesce(v_row -> 'rewrites', '[]')) w (x) WHERE w.x ->> 'volatile' = 'true' LOOP
      v_notes := v_notes || format('rows of %s were rewritten and differ from those of the source: copy the table again', v_item);
    END LOOP;
    -- New tables enter the subscription as ALTER SUBSCRIPTION .. REFRESH PUBLICATION does it, which cannot be run in here: only a superuser may
    -- write that catalog. A table of nobody else enters: one that the command made, or that its role owns. Rows that it had on the source before are
    -- copied if it has none here.
    IF status = 'applied' AND subscription IS NOT NULL THEN
      FOR v_item, v_table IN
        SELECT DISTINCT e.x ->> 'table', k.oid::regclass FROM jsonb_array_elements(coalesce(v_row -> 'published', '[]')) e (x)
          -- by its name: 13 does not let everybody read oid
          JOIN pg_stat_subscription w ON w.subid = subscription
          JOIN pg_subscription s ON s.subname = w.subname AND s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND EXISTS (SELECT FROM jsonb_array_elements_text(e.x -> 'publications') p (name) WHERE p.name = ANY (s.subpublications))
          JOIN pg_class k ON k.oid = to_regclass(e.x ->> 'table') AND k.relkind IN ('r', 'p') AND pg_get_userbyid(k.relowner) = role
         WHERE NOT EXISTS (SELECT FROM pg_subscription_rel t WHERE t.srsubid = subscription AND t.srrelid = k.oid)
      LOOP
        IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
          v_notes := v_notes || format('%s is not in the subscription: ALTER SUBSCRIPTION .. REFRESH PUBLICATION', v_item);
          CONTINUE;
        END IF;
        -- Asked of the file: a query would evaluate predicates of the table's indexes, in the name of whoever installed this. (Of a partitioned
        -- table the partitions are in the list.)
        v_rows := coalesce(v_row -> 'undecoded_rows', '[]') ? v_item
          AND (SELECT k.relkind = 'r' FROM pg_class k WHERE k.oid = v_table) AND pg_relation_size(v_table) = 0;
        IF coalesce(v_row -> 'undecoded_rows', '[]') ? v_item AND NOT v_rows THEN
          v_notes := v_notes || format('rows that %s had on the source before do not come: copy the table again', v_item);
        END IF;
        INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) VALUES (subscription, v_table, CASE WHEN v_rows THEN 'i' ELSE 'r' END);
      END LOOP;
    END IF;
    note := nullif(array_to_string(v_notes, '; '), '');
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.command(public.dts_ddl_command, oid) IS 'Decides what becomes of a command, and runs it';

  -- What has come already is not even written.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.arriving() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    IF EXISTS (SELECT FROM dts_ddl_apply.log l WHERE l.id = NEW.id) THEN
      RETURN NULL;
    END IF;
    RETURN NEW;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.arriving() IS 'Leaves out the row of a command that has come already';

  -- Behind the row: INSERT .. ON CONFLICT fires a BEFORE trigger also where nothing is inserted.
  CREATE OR REPLACE FUNCTION dts_ddl_apply.arrived() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_context text;
    v_subscription constant oid := (SELECT s.subid FROM pg_stat_subscription s WHERE s.pid = pg_backend_pid() LIMIT 1);
    v_done record;
    v_timeout text;
    v_state text;
    v_message text;
    v_detail text;
    v_hint text;
  BEGIN
    INSERT INTO dts_ddl_apply.log (id, status, tag)
      SELECT NEW.id, CASE WHEN NEW.id <= o.history THEN 'history' ELSE 'begun' END, NEW.tag FROM dts_ddl_apply.own o
      ON CONFLICT (id) DO NOTHING RETURNING log.status INTO v_state;
    IF NOT FOUND OR v_state = 'history' THEN
      RETURN NULL;
    END IF;
    -- Code that a row calls (a trigger, a default, an index) has the rights of the role that writes rows, so that it may insert here, too.
    -- PostgreSQL tells what has called this function; a statement of the client has no line of it. A subscription's worker has lines
    -- of its own; what it must not be used for is in the document.
    GET DIAGNOSTICS v_context = PG_CONTEXT;
    IF v_subscription IS NULL AND v_context LIKE E'%
%' THEN
      RAISE EXCEPTION 'DDL command % was not sent by the replicator itself', NEW.id USING ERRCODE = 'insufficient_privilege',
        DETAIL = 'The row was inserted by a function or trigger: ' || left(v_context, 1000);
    END IF;
    -- On 13 the copy of a table keeps its lock until the worker here has come to an end of transaction: it would wait for itself.
    IF v_subscription IS NOT NULL AND current_setting('server_version_num')::integer < 140000 AND current_setting('lock_timeout') = '0' THEN
      PERFORM set_config('lock_timeout', '10s', true);
      v_timeout := '0';
    END IF;
    -- A value that is added to an enum of the same transaction can be used in it from 17 on, but only without a subtransaction
    -- (pg_enum.c): then PostgreSQL's error stands alone, and its CONTEXT has the id.
    IF NEW.tag IN ('CREATE TYPE', 'ALTER TYPE') AND current_setting('server_version_num')::integer >= 170000 THEN
      SELECT * INTO v_done FROM dts_ddl_apply.command(NEW, v_subscription);
    ELSE
      BEGIN
        SELECT * INTO v_done FROM dts_ddl_apply.command(NEW, v_subscription);
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL, v_hint = PG_EXCEPTION_HINT;
        RAISE EXCEPTION USING ERRCODE = v_state, MESSAGE = format('could not apply DDL command %s: %s', NEW.id, v_message),
          DETAIL = concat_ws(' ', nullif(v_detail, ''), format('The command was run by role "%s": %s', NEW.username, left(NEW.ddl_text, 1000))),
          HINT = concat_ws(' ', nullif(v_hint, ''), format('Mend the cause and let the replicator try again, or do by hand what the command is for '
            'and leave it out: SELECT dts_ddl_apply.skip(%s)', NEW.id));
      END;
    END IF;
    IF v_timeout IS NOT NULL THEN
      PERFORM set_config('lock_timeout', v_timeout, true);
    END IF;
    UPDATE dts_ddl_apply.log l SET status = v_done.status, role = v_done.role, note = v_done.note, finished = clock_timestamp() WHERE l.id = NEW.id;
    IF v_done.status <> 'not for replay' AND v_done.note IS NOT NULL THEN
      RAISE WARNING 'DDL command %: %', NEW.id, v_done.note;
    END IF;
    RETURN NULL;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_apply.arrived() IS 'Runs the command of a row';

  FOR item IN SELECT t.tgname FROM pg_trigger t
               WHERE t.tgrelid = 'public.dts_ddl_command'::regclass AND t.tgname IN ('dts_ddl_arriving', 'dts_ddl_arrived') LOOP
    EXECUTE format('DROP TRIGGER %I ON public.dts_ddl_command', item);
  END LOOP;
  CREATE TRIGGER dts_ddl_arriving BEFORE INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION dts_ddl_apply.arriving();
  CREATE TRIGGER dts_ddl_arrived AFTER INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION dts_ddl_apply.arrived();
  ALTER TABLE public.dts_ddl_command ENABLE ALWAYS TRIGGER dts_ddl_arriving;
  ALTER TABLE public.dts_ddl_command ENABLE ALWAYS TRIGGER dts_ddl_arrived;

  -- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given. (The table: if it was made just now. The replicator's role
  -- is granted INSERT on it.)
  FOR item IN
    SELECT 'REVOKE ALL ON ' || o.what || ' FROM ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END
      FROM (
        SELECT 'TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS what, c.relowner AS owner,
               coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND (n.nspname = 'dts_ddl_apply' OR is_new_table AND n.nspname = 'public' AND c.relname = 'dts_ddl_command')
        UNION ALL
        SELECT 'FUNCTION ' || p.oid::regprocedure, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'dts_ddl_apply'
        UNION ALL
        SELECT 'SCHEMA dts_ddl_apply', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) FROM pg_namespace n WHERE n.nspname = 'dts_ddl_apply'
      ) o CROSS JOIN LATERAL aclexplode(o.acl) x
     WHERE x.grantee <> o.owner GROUP BY 1 LOOP
    EXECUTE item;
  END LOOP;
  -- The views call it, as whoever owns them. Nobody finds it without a right on the schema.
  GRANT EXECUTE ON FUNCTION dts_ddl_apply.run() TO PUBLIC;
  -- inside a transaction of the caller it would stay
  PERFORM set_config('search_path', path, true);
END
$install$;
