-- An unprivileged role plants everything that capture could call by an unqualified name, forges the settings by which the functions
-- tell each other things, and calls the functions itself.
CREATE ROLE :"role1" LOGIN; CREATE SCHEMA mallory AUTHORIZATION :"role1"; GRANT TEMPORARY ON DATABASE :"db" TO :"role1";
CREATE PUBLICATION dts_sync_x;
SELECT t.mark();
\c - :role1
SET client_min_messages = warning;
SET search_path = mallory, pg_catalog;
CREATE TABLE mallory.ran (what text, who text);
GRANT INSERT ON mallory.ran TO PUBLIC; GRANT USAGE ON SCHEMA mallory TO PUBLIC;
CREATE FUNCTION mallory.hit(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mallory.ran VALUES (what, current_user);
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN ALTER ROLE portable_r1 SUPERUSER; END IF;
END $$;
DO $do$
DECLARE f text; o text;
BEGIN
  FOREACH f IN ARRAY ARRAY['current_query() RETURNS text', 'current_database() RETURNS name', 'current_schemas(boolean) RETURNS name[]', 'clock_timestamp() RETURNS timestamptz',
      'txid_current() RETURNS bigint', 'inet_client_addr() RETURNS inet', 'inet_client_port() RETURNS int', 'nextval(regclass) RETURNS bigint', 'setval(regclass, bigint) RETURNS bigint',
      'currval(regclass) RETURNS bigint', 'quote_ident(text) RETURNS text', 'set_config(text, text, boolean) RETURNS text', 'current_setting(text) RETURNS text',
      'current_setting(text, boolean) RETURNS text', 'json_build_object(VARIADIC "any") RETURNS json', 'to_json(text) RETURNS json', 'strpos(text, text) RETURNS int', 'substr(text, int) RETURNS text', 'substr(text, int, int) RETURNS text',
      'length(text) RETURNS int', 'left(text, int) RETURNS text', 'upper(text) RETURNS text', 'lower(text) RETURNS text', 'md5(text) RETURNS text', 'pg_try_advisory_xact_lock(int, int) RETURNS boolean',
      'array_length(anyarray, int) RETURNS int', 'host(inet) RETURNS text', 'format_type(oid, int) RETURNS text', 'next_statement(text, int, boolean) RETURNS text'] LOOP
    CONTINUE WHEN f LIKE '%"any"%';
    EXECUTE 'CREATE FUNCTION mallory.' || f || ' LANGUAGE plpgsql AS $f$ BEGIN PERFORM mallory.hit(' || quote_literal(f) || '); RETURN NULL; END $f$';
    EXECUTE 'CREATE FUNCTION pg_temp.' || f || ' LANGUAGE plpgsql AS $f$ BEGIN PERFORM mallory.hit(' || quote_literal(f) || '); RETURN NULL; END $f$';
  END LOOP;
  FOREACH f IN ARRAY ARRAY['text', 'name', 'oid', 'bigint', 'integer', '"char"', 'boolean'] LOOP
    EXECUTE format('CREATE FUNCTION mallory.op(%s, %1$s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN PERFORM mallory.hit(%L); RETURN true; END $f$', f, 'operator of ' || f);
    FOREACH o IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '~~', '~', '||', '+', '-'] LOOP
      EXECUTE format('CREATE OPERATOR mallory.%s (LEFTARG = %s, RIGHTARG = %2$s, PROCEDURE = mallory.op)', o, f);
    END LOOP;
  END LOOP;
END $do$;
CREATE TABLE mallory.dts_ddl_command (ddl_text text, id bigint); CREATE TABLE mallory.pg_class (x int); CREATE TABLE mallory.pg_publication (pubname name); CREATE TABLE mallory.own (secret text);
CREATE DOMAIN mallory.text AS pg_catalog.text; CREATE DOMAIN mallory.json AS pg_catalog.json; CREATE DOMAIN mallory.varchar AS pg_catalog.text;
CREATE TEMP TABLE pg_class (x int); CREATE TEMP TABLE pg_event_trigger (x int); CREATE TEMP TABLE dts_ddl_command (x int); CREATE TEMP TABLE own (secret pg_catalog.text);
SELECT t.mark();
TRUNCATE mallory.ran;
SET search_path = mallory, pg_temp, pg_catalog;
CREATE TABLE mallory.victim (id int PRIMARY KEY, v pg_catalog.text)\; ALTER TABLE mallory.victim ADD w int\; SELECT 1\; COMMENT ON TABLE mallory.victim IS 'x';
CREATE TABLE mallory.made AS SELECT 1 AS a; GRANT SELECT ON mallory.victim TO PUBLIC; DROP TABLE mallory.victim, mallory.made CASCADE;
DO $$ BEGIN EXECUTE 'CREATE TABLE mallory.nested (a int); DROP TABLE mallory.nested'; END $$;
SELECT t.is('nothing planted ran', (SELECT pg_catalog.string_agg(what, ',') FROM mallory.ran), NULL);
SELECT t.is('no superuser', (SELECT rolsuper::pg_catalog.text FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'portable_r1'), 'false');
SELECT t.is('rows are true', (SELECT pg_catalog.string_agg(concat_ws(' ', tag, username, schema), ',' ORDER BY id) FROM t.new()),
  'CREATE TABLE portable_r1 mallory,ALTER TABLE portable_r1 mallory,COMMENT portable_r1 mallory,CREATE TABLE portable_r1 mallory,GRANT portable_r1 mallory,DROP TABLE portable_r1 mallory,CREATE TABLE portable_r1 mallory,DROP TABLE portable_r1 mallory');
SELECT t.mark();

-- forged settings: to be another role, to have dropped things, to hide a command
SET search_path = mallory;
SET dts_ddl_portable.caller = '{"user":"postgres","path":["pg_catalog"]}'; SET dts_ddl_portable.state = 'busy'; SET dts_ddl_portable.take_over = 'on';
CREATE TABLE forged1 (x int);
SET dts_ddl_portable.state = '[{"type":"table","identity":"public.forged","original":true,"temporary":false}]';
CREATE FUNCTION forge() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('dts_ddl_portable.caller', '{"user":"postgres","path":["pg_catalog"]}', true), set_config('dts_ddl_portable.state', 'busy', true); RETURN 1; END $$;
CREATE TABLE forged2 AS SELECT forge() AS x;
SELECT t.is('forged settings', (SELECT string_agg(concat_ws(' ', tag, username, schema, object_name), ', ' ORDER BY id) FROM t.new()),
  'CREATE TABLE portable_r1 mallory mallory.forged1, CREATE FUNCTION portable_r1 mallory mallory.forge(), CREATE TABLE portable_r1 mallory mallory.forged2');
SELECT t.is('nothing forged among the objects', (SELECT string_agg(message ->> 'objects', '') FROM t.new() WHERE message ->> 'objects' LIKE '%public.forged%'), NULL);
SELECT t.mark();
-- the secret is in no setting when user code can run
BEGIN; DROP TABLE forged1; CREATE TABLE forged3 (x int);
SELECT t.is('nothing left in the setting', current_setting('dts_ddl_portable.state', true), ''); COMMIT;
-- nobody can call the functions or write to the table
CREATE FUNCTION t_refused(sql pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'done'; EXCEPTION WHEN insufficient_privilege THEN RETURN 'refused'; END $$;
SELECT t.is(c, t_refused(c), 'refused') FROM unnest(ARRAY['INSERT INTO public.dts_ddl_command (ddl_text) VALUES (1)', 'SELECT dts_ddl_portable.publish(1, NULL, NULL)', 'SELECT secret FROM dts_ddl_portable.own',
  'SELECT dts_ddl_portable.prune(1)', 'SELECT dts_ddl_portable.gaps()', 'SELECT setval(''dts_ddl_portable.place'', 1)', 'CREATE EVENT TRIGGER evil ON ddl_command_end EXECUTE PROCEDURE public.dts_capture_ddl()',
  'SELECT nextval(''public.dts_ddl_command_id_seq'')']) c;
-- settings of a user that change how the functions' own texts are read
SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET backslash_quote = off; SET DateStyle = 'SQL, DMY'; SET extra_float_digits = -15; SET transform_null_equals = on; SET array_nulls = off;
SELECT t.mark();
CREATE TABLE settings1 (a int); CREATE TABLE settings2 AS SELECT 1 AS a; DROP TABLE settings1;
RESET ALL;
SELECT t.rows('settings', 'CREATE TABLE settings1 (a int)', 'CREATE TABLE mallory.settings2 (a integer)', 'DROP TABLE settings1');
\c - :admin
SELECT t.is('no gaps', dts_ddl_portable.gaps()::text, '0');
SET client_min_messages = error;
DROP OWNED BY :"role1" CASCADE; DROP ROLE :"role1";
