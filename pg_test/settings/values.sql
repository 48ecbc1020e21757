-- Defaults, check hooks, permissions, the reserved prefix, and where they can be set.
CREATE TABLE load (x int);
SELECT t.is('names, types, contexts, defaults', (SELECT string_agg(concat_ws(' ', name, vartype, context, boot_val, coalesce(unit, '-'), coalesce(enumvals::text, '-'), coalesce(min_val, '-'), coalesce(max_val, '-')), E'\n' ORDER BY name COLLATE "C")
    FROM pg_settings WHERE name LIKE 'dts\_ddl\_capture.%' AND name IN ('dts_ddl_capture.enabled', 'dts_ddl_capture.on_error', 'dts_ddl_capture.max_rows', 'dts_ddl_capture.max_age', 'dts_ddl_capture.replica_identity', 'dts_ddl_capture.publication_prefix', 'dts_ddl_capture.redact_secrets', 'dts_ddl_capture.warn_on_rewrite', 'dts_ddl_capture.emit_message', 'dts_ddl_capture.capture_roles', 'dts_ddl_capture.qualify_names')),
$$dts_ddl_capture.capture_roles bool superuser off - - - -
dts_ddl_capture.emit_message bool superuser off - - - -
dts_ddl_capture.enabled bool superuser on - - - -
dts_ddl_capture.max_age integer superuser 0 s - 0 2147483647
dts_ddl_capture.max_rows integer superuser 10000 - - 0 2147483647
dts_ddl_capture.on_error enum superuser error - {error,warning} - -
dts_ddl_capture.publication_prefix string superuser dts_sync_ - - - -
dts_ddl_capture.qualify_names bool superuser off - - - -
dts_ddl_capture.redact_secrets bool superuser on - - - -
dts_ddl_capture.replica_identity enum superuser full - {full,full_without_key,off} - -
dts_ddl_capture.warn_on_rewrite bool user on - - - -$$);
SELECT t.is('every setting is described', (SELECT string_agg(name, ',') FROM pg_settings WHERE name LIKE 'dts\_ddl\_capture.%' AND (length(short_desc) < 20 OR extra_desc IS NULL)), NULL);
SELECT t.fails('max_rows below 0', 'SET dts_ddl_capture.max_rows = -1', '22023', '%-1 is outside the valid range%');
SELECT t.fails('max_rows too large', 'SET dts_ddl_capture.max_rows = 2147483648', '22023');
SELECT t.fails('max_rows no number', 'SET dts_ddl_capture.max_rows = many', '22023');
SELECT t.fails('max_age below 0', 'SET dts_ddl_capture.max_age = ''-1s''', '22023');
SELECT t.fails('max_age with a wrong unit', 'SET dts_ddl_capture.max_age = ''5 parsecs''', '22023');
SELECT t.fails('on_error', 'SET dts_ddl_capture.on_error = ignore', '22023', 'invalid value for parameter "dts_ddl_capture.on_error": "ignore"');
SELECT t.fails('replica_identity', 'SET dts_ddl_capture.replica_identity = nothing', '22023', 'invalid value for parameter "dts_ddl_capture.replica_identity": "nothing"');
SELECT t.fails('enabled', 'SET dts_ddl_capture.enabled = maybe', '22023');
SELECT t.fails('prefix of 64 bytes', format('SET dts_ddl_capture.publication_prefix = %L', repeat('x', 64)), '22023', 'invalid value for parameter "dts_ddl_capture.publication_prefix"%');
SELECT t.fails('64 bytes in 32 characters', format('SET dts_ddl_capture.publication_prefix = %L', repeat('é', 32)), '22023', 'invalid value for parameter "dts_ddl_capture.publication_prefix"%');
DO $$ BEGIN EXECUTE format('SET dts_ddl_capture.publication_prefix = %L', repeat('x', 63)); END $$;
SELECT t.is('63 bytes', length(current_setting('dts_ddl_capture.publication_prefix')), 63);
RESET dts_ddl_capture.publication_prefix;
DO $$ DECLARE d text; BEGIN EXECUTE format('SET dts_ddl_capture.publication_prefix = %L', repeat('x', 64)); EXCEPTION WHEN invalid_parameter_value THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL; PERFORM t.check('the check hook explains', d ~ '63|64', d); END $$;
SET dts_ddl_capture.max_age = '2min';
SELECT t.is('units', current_setting('dts_ddl_capture.max_age'), '2min');
RESET dts_ddl_capture.max_age;
-- who may set what
CREATE ROLE settings_app LOGIN;
CREATE SCHEMA settings_app AUTHORIZATION settings_app;
SELECT t.mark();
\c - settings_app
CREATE TABLE a (x int);
SELECT t.is('captured', (SELECT count(*) FROM t.new()), 1), t.mark();
SELECT t.fails(s, 'SET ' || s, '42501', 'permission denied to set parameter%') FROM unnest(ARRAY['dts_ddl_capture.enabled = off', 'dts_ddl_capture.on_error = warning', 'dts_ddl_capture.max_rows = 1', 'dts_ddl_capture.max_age = 1',
  'dts_ddl_capture.replica_identity = off', 'dts_ddl_capture.publication_prefix = ''''', 'dts_ddl_capture.redact_secrets = off']) s;
SELECT t.fails('ALTER ROLE for itself', 'ALTER ROLE settings_app SET dts_ddl_capture.enabled = off', '42501');
SET dts_ddl_capture.warn_on_rewrite = off;
SELECT t.is('anybody may set warn_on_rewrite', current_setting('dts_ddl_capture.warn_on_rewrite'), 'off');
-- ALTER DATABASE and ALTER ROLE
\c - :user
ALTER DATABASE :"db" SET dts_ddl_capture.max_rows = 7;
ALTER ROLE settings_app SET dts_ddl_capture.max_rows = 8;
ALTER ROLE settings_app IN DATABASE :"db" SET dts_ddl_capture.replica_identity = 'off';
ALTER DATABASE :"db" SET dts_ddl_capture.publication_prefix = 'mine_';
CREATE TABLE t.loaded (x int);
SELECT t.fails('a bad value by ALTER DATABASE', format('ALTER DATABASE %I SET dts_ddl_capture.max_rows = -1', current_database()), '22023');
\c - :user
CREATE TABLE t.f (x int);
SELECT t.is('by database', current_setting('dts_ddl_capture.max_rows') || current_setting('dts_ddl_capture.publication_prefix'), '7mine_');
\c - settings_app
CREATE TABLE g (x int);
SELECT t.is('by role', current_setting('dts_ddl_capture.max_rows') || current_setting('dts_ddl_capture.replica_identity'), '8off');
\c - :user
ALTER ROLE settings_app SET dts_ddl_capture.enabled = off;
\c - settings_app
SELECT t.mark();
CREATE TABLE h (x int);
SELECT t.none('a superuser switched capture off for the role');
\c - :user
ALTER ROLE settings_app RESET ALL;
