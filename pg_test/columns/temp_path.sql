-- A search_path that begins with pg_temp: looking at it must not make the temporary schema, which some users may not.
SELECT format('REVOKE TEMP ON DATABASE %I FROM PUBLIC', current_database()) \gexec
CREATE ROLE no_temp; GRANT CREATE ON SCHEMA public TO no_temp;
SELECT t.mark();
SET ROLE no_temp;
SET search_path = "$user", pg_temp, public;
CREATE TABLE public.xx (x int);
SET search_path = PG_TEMP, "public";
CREATE TABLE public.yy (x int);
SELECT set_config('search_path', 'PG_TEMP, public, public', false);
CREATE TABLE public.zz (x int);
SET search_path = public, pg_temp;
CREATE TABLE vv (x int);
RESET ROLE; RESET search_path;
SELECT t.is('schema and path', (SELECT string_agg(schema || ' ' || (message ->> 'search_path'), ';' ORDER BY n) FROM t.new()),
  'pg_temp ["pg_temp", "public"];pg_temp ["pg_temp", "public"];pg_temp ["pg_temp", "public"];public ["public"]');
DROP OWNED BY no_temp; DROP ROLE no_temp;
