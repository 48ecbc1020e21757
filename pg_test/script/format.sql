-- What dts_ddl.script() makes of a row, word by word.
-- Nothing differs from PostgreSQL's built-in defaults.
SET TimeZone = 'GMT'; SET default_text_search_config = 'pg_catalog.simple'; SET lc_monetary = 'C'; SET lc_numeric = 'C'; SET lc_time = 'C';
SELECT set_config(name, 'pglz', false) FROM pg_settings WHERE name = 'default_toast_compression'; -- 19 has another default
CREATE FUNCTION t.script(after bigint DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT replace(string_agg(s, E'\n'), current_user, 'ME') FROM (
    SELECT s, row_number() OVER () AS n, count(*) OVER () AS last FROM dts_ddl.script(coalesce(after, (SELECT mark FROM t.state))) s) x
  WHERE n > 1 AND n < last
$$;
-- The id of the newest row, in what is expected.
CREATE FUNCTION t.want(text) RETURNS text LANGUAGE sql AS $$ SELECT replace($1, '@', (SELECT max(id)::text FROM public.dts_ddl_command)) $$;
SELECT t.mark();

SELECT t.is('nothing captured: head and foot only', (SELECT count(*) FROM dts_ddl.script((SELECT mark FROM t.state))), 2);
SELECT t.check('the head', s LIKE '-- DDL commands captured by dts_ddl_capture, for psql:%SET client_encoding TO ''UTF8'';
SET standard_conforming_strings TO ''on'';
SET client_min_messages TO ''warning'';
SELECT pg_catalog.format(%(''array_nulls'', ''on''), %(''xmloption'', ''content'')%\gexec', s) FROM dts_ddl.script() s LIMIT 1;

CREATE TABLE a (x int);
SELECT t.is('a table', t.script(), t.want('
-- @ CREATE TABLE
\echo @ CREATE TABLE
BEGIN;
SET LOCAL search_path TO "public";
SET LOCAL ROLE "ME";
SELECT $dts$CREATE TABLE a (x int)$dts$ \gexec
SELECT $dts$ALTER TABLE public.a REPLICA IDENTITY FULL$dts$ \gexec
COMMIT;')), t.mark();

SET DateStyle = 'SQL, DMY'; SET default_tablespace = 'pg_default'; SET search_path = '';
COMMENT ON COLUMN public.a.x IS 'x';
RESET DateStyle; RESET default_tablespace; RESET search_path;
SELECT t.is('settings, an empty search_path', t.script(), t.want('
-- @ COMMENT
\echo @ COMMENT
BEGIN;
SET LOCAL "DateStyle" TO ''SQL, DMY'';
DO $dts$BEGIN
  PERFORM pg_catalog.set_config(''default_tablespace'', ''pg_default'', true);
EXCEPTION WHEN invalid_parameter_value THEN
  RAISE WARNING ''%'', pg_catalog.format(''default_tablespace cannot be set to "%s" here and stays as it is'', ''pg_default'');
END$dts$;
SET LOCAL search_path TO '''';
SET LOCAL ROLE "ME";
SELECT $dts$COMMENT ON COLUMN public.a.x IS ''x''$dts$ \gexec
COMMIT;')), t.mark();

CREATE SCHEMA "S ""1"", :x"; SELECT t.mark();
CREATE TEMP TABLE pg_temp_is_there (x int);
SET search_path = pg_temp, "S ""1"", :x", public;
COMMENT ON TABLE public.a IS 'x';
RESET search_path;
SELECT t.is('pg_temp is left out, names are quoted', t.script(), t.want('
-- @ COMMENT
\echo @ COMMENT
BEGIN;
SET LOCAL search_path TO "S ""1"", :x", "public";
SET LOCAL ROLE "ME";
SELECT $dts$COMMENT ON TABLE public.a IS ''x''$dts$ \gexec
COMMIT;')), t.mark();

CREATE ROLE script_role; CREATE ROLE script_member IN ROLE script_role; CREATE SCHEMA s AUTHORIZATION script_role; SELECT t.mark();
SET SESSION AUTHORIZATION script_member; SET ROLE script_role;
CREATE TABLE s.t (x text DEFAULT 'session_user' /* session_user */, session_users text);
RESET ROLE; RESET SESSION AUTHORIZATION;
SELECT t.check('the word in a constant, a comment, a longer word', t.script() LIKE E'%TO "public";\nSET LOCAL ROLE "script_role";\n%', t.script()), t.mark();
SET SESSION AUTHORIZATION script_member; SET ROLE script_role;
GRANT SELECT ON s.t TO Session_User;
RESET ROLE; RESET SESSION AUTHORIZATION;
SELECT t.check('session_user is not the role', t.script() LIKE E'%\nSET LOCAL SESSION AUTHORIZATION "script_member";\nSET LOCAL ROLE "script_role";\nSELECT pg_catalog.set_config(''dts_ddl.statement'', $dts$GRANT%', t.script()), t.mark();
SET SESSION AUTHORIZATION script_role;
GRANT SELECT ON s.t TO Session_User;
RESET SESSION AUTHORIZATION;
SELECT t.check('session_user is the role', t.script() LIKE E'%\nSET LOCAL SESSION AUTHORIZATION "script_role";\nSELECT pg_catalog.set_config(''dts_ddl.statement'', $dts$GRANT%', t.script()), t.mark();

COMMENT ON TABLE a IS '$dts$ $dts1$ '' $dts';
SELECT t.check('a delimiter that the text lacks', t.script() LIKE '%SELECT $dts2$COMMENT ON TABLE a IS ''$dts$ $dts1$ '''' $dts''$dts2$ \\gexec%', t.script()), t.mark();

CREATE PUBLICATION p FOR TABLE a
  -- a comment
;
SELECT t.is('not for replay', t.script(), t.want('
-- @ CREATE PUBLICATION
-- not run: publications belong to the server that publishes
-- CREATE PUBLICATION p FOR TABLE a')), t.mark();
CREATE PUBLICATION p2
  FOR TABLE a;
SELECT t.is('each line of it', t.script(), t.want('
-- @ CREATE PUBLICATION
-- not run: publications belong to the server that publishes
-- CREATE PUBLICATION p2
--   FOR TABLE a')), t.mark();

CREATE FOREIGN DATA WRAPPER w; CREATE SERVER srv FOREIGN DATA WRAPPER w; SELECT t.mark();
CREATE USER MAPPING FOR PUBLIC SERVER srv OPTIONS (user 'u', password 'secret');
SELECT t.check('secrets are told', t.script() LIKE t.want(E'\n-- @ CREATE USER MAPPING\n-- secrets replaced by ''********'': 1\n\\\\echo @ CREATE USER MAPPING\nBEGIN;%'), t.script());

-- settings that not every major has
UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{settings}', '{"default_toast_compression": "lz4", "TimeZone": "a''b\\c"}')
  WHERE id = (SELECT max(id) FROM public.dts_ddl_command);
SELECT t.check('only where it is known; quotes and backslashes', t.script() LIKE E'%\nBEGIN;\nSET LOCAL "TimeZone" TO $dts$a''b\\\\c$dts$;
SELECT pg_catalog.format(''SET LOCAL \\%I TO \\%L'', s.name, ''lz4'') FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) ''default_toast_compression'' \\\\gexec\nSET LOCAL search_path%', t.script());
-- A locale is looked for once, when it changes; one that is missing is told.
UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{settings}', '{"lc_time": "it''s"}') WHERE id = (SELECT max(id) FROM public.dts_ddl_command);
COMMENT ON TABLE a IS 'y';
UPDATE public.dts_ddl_command SET message = jsonb_set(message::jsonb, '{settings}', '{"lc_time": "it''s"}') WHERE id = (SELECT max(id) FROM public.dts_ddl_command);
COMMENT ON TABLE a IS 'z';
SELECT t.check('lc_time', t.script((SELECT max(id) - 3 FROM public.dts_ddl_command)) LIKE $x$
-- % CREATE USER MAPPING
%DO $dts1$BEGIN
  PERFORM pg_catalog.set_config('lc_time', $dts$it's$dts$, false);
EXCEPTION WHEN invalid_parameter_value THEN
  RAISE WARNING '%', pg_catalog.format('lc_time cannot be set to "\%s" here and stays as it is', $dts$it's$dts$);
END$dts1$;
\\echo % CREATE USER MAPPING
BEGIN;
SET LOCAL search_path%
-- % COMMENT
\\echo % COMMENT
BEGIN;
SET LOCAL search_path TO "public";
SET LOCAL ROLE "ME";
%COMMIT;

-- % COMMENT
DO $dts$BEGIN
  PERFORM pg_catalog.set_config('lc_time', 'C', false);
%$x$, t.script((SELECT max(id) - 3 FROM public.dts_ddl_command)));

-- the yen sign of another character set would come as a backslash
SET client_encoding = 'SJIS';
SELECT t.fails('SJIS', 'SELECT count(*) FROM dts_ddl.script()', '0A000', 'a script cannot be written in encoding "SJIS"');
RESET client_encoding;
-- the owner of a database may have set a role for its sessions
SELECT t.check('as who runs it', (SELECT s FROM dts_ddl.script() s LIMIT 1) LIKE E'%\n\\\\unset dts_schema\nSET ROLE NONE;\n%', 'head');
