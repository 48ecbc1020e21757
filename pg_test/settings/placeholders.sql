-- requires-not-preloaded: with the library loaded from the start, SET itself is refused
-- Settings made before the session's first DDL has loaded the library.
CREATE ROLE placeholders_app LOGIN;
CREATE SCHEMA placeholders_app AUTHORIZATION placeholders_app;
SELECT t.mark();
-- set before the library is loaded: an unprivileged value does not survive
\c - placeholders_app
SET client_min_messages = error;
SET dts_ddl_capture.enabled = off;
CREATE TABLE b (x int);
SELECT t.is('a placeholder of an unprivileged user does not switch capture off', (SELECT string_agg(ddl_text, ',') FROM t.new()), 'CREATE TABLE b (x int)'), t.mark();
SELECT t.is('and is gone', current_setting('dts_ddl_capture.enabled'), 'on');
\c - placeholders_app
SET client_min_messages = error;
ALTER ROLE placeholders_app SET client_min_messages = error;
SELECT t.fails('ALTER ROLE for itself before the library is there', 'ALTER ROLE placeholders_app SET dts_ddl_capture.enabled = off', '42501');
SET dts_ddl_capture.redact_secrets = off; SET dts_ddl_capture.max_rows = 1; SET dts_ddl_capture.on_error = warning; SET dts_ddl_capture.publication_prefix = ''; SET dts_ddl_capture.replica_identity = off;
CREATE TABLE c (x int);
SELECT t.is('none of them', (SELECT string_agg(concat_ws('=', name, setting), ' ' ORDER BY name) FROM pg_settings WHERE name IN ('dts_ddl_capture.redact_secrets', 'dts_ddl_capture.max_rows', 'dts_ddl_capture.on_error', 'dts_ddl_capture.publication_prefix', 'dts_ddl_capture.replica_identity')),
  'dts_ddl_capture.max_rows=10000 dts_ddl_capture.on_error=error dts_ddl_capture.publication_prefix=dts_sync_ dts_ddl_capture.redact_secrets=on dts_ddl_capture.replica_identity=full');
SELECT t.is('captured and not pruned', (SELECT count(*) FROM t.new()), 1), t.is('replica identity set', (SELECT relreplident::text FROM pg_class WHERE oid = 'c'::regclass), 'f'), t.mark();
-- a superuser's value set before the library is loaded does count
\c - :user
SET dts_ddl_capture.enabled = off;
CREATE TABLE t.d (x int);
SELECT t.none('a superuser''s placeholder counts');
-- a nonsense value set before the library is loaded is not taken over
\c - :user
SET client_min_messages = error;
SET dts_ddl_capture.max_rows = 'nonsense';
CREATE TABLE t.e (x int);
SELECT t.is('default instead', current_setting('dts_ddl_capture.max_rows'), '10000'), t.mark();
