-- SET .. FROM CURRENT: the value that was stored goes into the row, in the words of SET.
LOAD 'dts_ddl_capture';
CREATE SCHEMA "My Sch"; SELECT t.mark();
-- The stored statement makes the same function: run it again, and compare.
CREATE FUNCTION t.same(name text, function text, want text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  got text := (SELECT ddl_text FROM t.new() ORDER BY n DESC LIMIT 1);
  original constant text := (SELECT message->'original'->>'text' FROM t.new() ORDER BY n DESC LIMIT 1);
  before constant text[] := (SELECT proconfig FROM pg_proc WHERE oid = function::regproc);
BEGIN
  PERFORM t.check(name || ': original', original ILIKE '%FROM%CURRENT%', original);
  IF want IS NOT NULL THEN PERFORM t.is(name, got, want); END IF;
  EXECUTE replace(got, 'CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION');
  PERFORM t.is(name || ': the same', (SELECT proconfig FROM pg_proc WHERE oid = function::regproc), before), t.mark();
  RETURN 'ok ' || name;
END $$;
SELECT t.mark();

SET search_path = "My Sch", public, nosuch, "$user";
CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1';
RESET search_path;
SELECT t.same('a list', 'public.f', 'CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET search_path TO ''My Sch'', ''public'', ''nosuch'', ''$user'' AS ''SELECT 1''');
SET work_mem = '11MB'; SET DateStyle = 'SQL, DMY';
CREATE FUNCTION g() RETURNS text SET/* a
  FROM CURRENT */work_mem /* FROM CURRENT */
  from/**/current SET datestyle FROM CURRENT LANGUAGE sql AS $$ SELECT 'SET work_mem FROM CURRENT' $$;
SELECT t.same('several, comments', 'g', E'CREATE FUNCTION g() RETURNS text SET/* a\n  FROM CURRENT */work_mem /* FROM CURRENT */\n  TO ''11MB'' SET datestyle TO ''SQL, DMY'' LANGUAGE sql AS $$ SELECT ''SET work_mem FROM CURRENT'' $$');
SELECT set_config('search_path', '', false);
ALTER FUNCTION public.g SET search_path FROM CURRENT SET work_mem = '1MB';
RESET search_path;
SELECT t.texts('an empty list', 'ALTER FUNCTION public.g SET search_path TO '''' SET work_mem = ''1MB''');
SELECT set_config('custom.x', E'it''s \\ "x" é', false), set_config('temp_tablespaces', 'PG_Default', false);
ALTER ROUTINE g() SET "custom".x FROM CURRENT SET "temp_tablespaces" FROM CURRENT RESET ALL;
SELECT t.texts('taken back', 'ALTER ROUTINE g() RESET "custom".x RESET "temp_tablespaces" RESET ALL');
SELECT $$ALTER ROUTINE g() SET work_mem -- a comment
FROM CURRENT RESET ALL$$ \gexec
SELECT t.texts('taken back, behind a comment', 'ALTER ROUTINE g() RESET work_mem RESET ALL');
ALTER ROUTINE g() SET "custom" . x FROM CURRENT SET "temp_tablespaces" FROM CURRENT SET work_mem FROM CURRENT RESET work_mem;
SELECT t.texts('quotes, backslashes, a name that is folded', E'ALTER ROUTINE g() SET "custom" . x TO E''it''''s \\\\ "x" é'' SET "temp_tablespaces" TO ''pg_default'' RESET work_mem RESET work_mem');
ALTER ROUTINE g() SET custom.x FROM CURRENT SET session_preload_libraries FROM CURRENT;
SELECT t.same('no files are not one without name', 'g', E'ALTER ROUTINE g() SET custom.x TO E''it''''s \\\\ "x" é'' SET session_preload_libraries FROM CURRENT');
SELECT set_config('standard_conforming_strings', 'off', false) WHERE current_setting('server_version_num')::int < 190000;
SELECT set_config('escape_string_warning', 'off', false) WHERE current_setting('server_version_num')::int < 190000;
CREATE PROCEDURE p(x text DEFAULT 'SET a FROM CURRENT') SET custom.x FROM CURRENT LANGUAGE plpgsql AS 'BEGIN END';
RESET standard_conforming_strings;
SELECT t.is('under the other reading', (SELECT ddl_text FROM t.one('other')), E'CREATE PROCEDURE p(x text DEFAULT ''SET a FROM CURRENT'') SET custom.x TO E''it''''s \\\\ "x" é'' LANGUAGE plpgsql AS ''BEGIN END''');
SELECT t.mark();
SELECT current_setting('server_version_num')::int >= 140000 AS has_bodies \gset
\if :has_bodies
CREATE TABLE current (name int); SELECT t.mark();
CREATE FUNCTION h() RETURNS bigint SET TimeZone FROM CURRENT BEGIN ATOMIC SELECT count(set.name) FROM current set; END;
SELECT t.same('a body that is no string', 'h');
\endif
SET ROLE NONE;
CREATE FUNCTION r() RETURNS int LANGUAGE sql SET role FROM CURRENT AS 'SELECT 1';
SELECT t.is('a role', (SELECT ddl_text FROM t.one('a role')), 'CREATE FUNCTION r() RETURNS int LANGUAGE sql SET role TO ''none'' AS ''SELECT 1''');
SELECT t.mark();
CREATE FUNCTION not_current() RETURNS int LANGUAGE sql SET work_mem = '1MB' AS 'SELECT 1';
SELECT t.is('others stay', (SELECT message->'original' IS NULL FROM t.one('others')), true);
SELECT t.mark();

SET dts_ddl_capture.capture_roles = on; CREATE ROLE fc_role; SELECT t.mark();
SET IntervalStyle = 'iso_8601'; SET search_path = public, "My Sch";
ALTER ROLE fc_role SET search_path FROM CURRENT;
ALTER USER fc_role IN DATABASE :"db" SET intervalstyle FROM CURRENT /* x */;
ALTER ROLE ALL IN DATABASE :"db" SET custom.x FROM CURRENT;
RESET search_path;
ALTER ROLE ALL IN DATABASE :"db" RESET ALL; DROP ROLE fc_role;
SELECT t.texts('roles', 'ALTER ROLE fc_role SET search_path TO ''public'', ''My Sch''',
  format('ALTER USER fc_role IN DATABASE "%s" SET intervalstyle TO ''iso_8601''', current_database()),
  format(E'ALTER ROLE ALL IN DATABASE "%s" SET custom.x TO E''it''''s \\\\ "x" é''', current_database()),
  format('ALTER ROLE ALL IN DATABASE "%s" RESET ALL', current_database()), 'DROP ROLE fc_role');
