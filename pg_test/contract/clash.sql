-- extension: no
-- A name that is already taken: a clear answer, and nothing is changed.
CREATE FUNCTION t.clash(name text, want_message text, want_detail text) RETURNS text LANGUAGE plpgsql AS $fn$
DECLARE st text; msg text; det text; hin text;
BEGIN
  BEGIN
    EXECUTE 'CREATE EXTENSION dts_ddl_capture';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS st = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL, hin = PG_EXCEPTION_HINT;
    PERFORM t.is(name || ': SQLSTATE', st, '42710');
    PERFORM t.is(name || ': message', msg, want_message);
    PERFORM t.check(name || ': DETAIL says whose it probably is', det ~* want_detail, det);
    PERFORM t.check(name || ': HINT says how to go on', length(hin) > 20, hin);
    RETURN 'ok ' || name;
  END;
  RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = 'CREATE EXTENSION succeeded';
END $fn$;

CREATE TABLE public.dts_ddl_command (ddl_text text, id bigserial PRIMARY KEY, event text, tag text, username varchar, database varchar,
  schema varchar, object_type varchar, object_name varchar, client_address varchar, client_port integer, event_time timestamptz, txid_current varchar(128), message text);
INSERT INTO public.dts_ddl_command (ddl_text) VALUES ('kept');
SELECT t.clash('table', 'table "public.dts_ddl_command" already exists', 'DTS');
SELECT t.is('the table is untouched', (SELECT string_agg(ddl_text, ',') FROM public.dts_ddl_command), 'kept');
SELECT t.is('no extension', (SELECT count(*) FROM pg_extension WHERE extname = 'dts_ddl_capture'), 0);
DROP TABLE public.dts_ddl_command;

CREATE VIEW public.dts_ddl_command AS SELECT 1 AS x;
SELECT t.fails('a view of that name', 'CREATE EXTENSION dts_ddl_capture', '42710', '%"public.dts_ddl_command" already exists');
DROP VIEW public.dts_ddl_command;

CREATE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
SELECT t.clash('function', 'function "public.dts_capture_ddl()" already exists', 'DTS');
CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE FUNCTION public.dts_capture_ddl();
SELECT t.fails('function and event trigger', 'CREATE EXTENSION dts_ddl_capture', '42710', '% already exists');
ALTER FUNCTION public.dts_capture_ddl() RENAME TO hand_made;
SELECT t.clash('event trigger', 'event trigger "dts_intercept_ddl" already exists', 'DTS');
DROP EVENT TRIGGER dts_intercept_ddl;
DROP FUNCTION public.hand_made();

CREATE SCHEMA dts_ddl;
SELECT t.fails('schema', 'CREATE EXTENSION dts_ddl_capture', '42710', 'schema "dts_ddl" already exists');
DROP SCHEMA dts_ddl;

CREATE FUNCTION public.other() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER dts_intercept_start ON ddl_command_start EXECUTE FUNCTION public.other();
SELECT t.fails('one of our further event triggers', 'CREATE EXTENSION dts_ddl_capture', '42710', 'event trigger "dts_intercept_start" already exists');
DROP EVENT TRIGGER dts_intercept_start;

-- A function of the same name with arguments, and a table of the same name elsewhere, are no clash.
CREATE FUNCTION public.dts_capture_ddl(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.dts_ddl_command (x int);
CREATE EXTENSION dts_ddl_capture;
CREATE TABLE works (a int);
SELECT t.texts('works beside them', 'CREATE TABLE works (a int)');

-- Creating it twice is PostgreSQL's own error; IF NOT EXISTS does nothing.
SELECT t.fails('twice', 'CREATE EXTENSION dts_ddl_capture', '42710', 'extension "dts_ddl_capture" already exists');
CREATE EXTENSION IF NOT EXISTS dts_ddl_capture;
SELECT t.none('no row');
