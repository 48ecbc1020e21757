-- Commands that cannot run in a transaction block stand alone; the parser decides, not the words.
-- Nothing differs from PostgreSQL's built-in defaults.
SET TimeZone = 'GMT'; SET default_text_search_config = 'pg_catalog.simple'; SET lc_monetary = 'C'; SET lc_numeric = 'C'; SET lc_time = 'C';
SELECT set_config(name, 'pglz', false) FROM pg_settings WHERE name = 'default_toast_compression'; -- 19 has another default
CREATE FUNCTION t.script() RETURNS text LANGUAGE sql AS $$
  SELECT replace(string_agg(s, E'\n'), current_user, 'ME') FROM (
    SELECT s, row_number() OVER () AS n, count(*) OVER () AS last FROM dts_ddl.script((SELECT mark FROM t.state)) s) x
  WHERE n > 1 AND n < last
$$;
CREATE FUNCTION t.alone(name text, want boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE script text := t.script();
BEGIN
  PERFORM t.check(name, script IS NOT NULL AND (script NOT LIKE E'%\nBEGIN;\n%') = want AND (script NOT LIKE '%SET LOCAL%') = want AND (script LIKE '%SET ROLE NONE;%') = want, script);
  PERFORM t.mark();
  RETURN 'ok ' || name;
END $$;
CREATE TABLE a (x int, "concurrently" int); CREATE TABLE p (x int) PARTITION BY LIST (x); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
SELECT t.mark();
SET DateStyle = 'SQL, DMY'; SET lo_compat_privileges = on;
CREATE INDEX CONCURRENTLY i ON a (x) WHERE x > 0;
RESET DateStyle; RESET lo_compat_privileges;
SELECT t.is('CREATE INDEX CONCURRENTLY', t.script(), replace('
-- @ CREATE INDEX
\echo @ CREATE INDEX
SET "DateStyle" TO ''SQL, DMY'';
SET "lo_compat_privileges" TO ''on'';
SET search_path TO "public";
SET ROLE "ME";
\set dts_ok off
SELECT current_user OPERATOR(pg_catalog.=) ''ME'' AS ok \gset dts_
\if :dts_ok
SELECT $dts$CREATE INDEX CONCURRENTLY i ON a (x) WHERE x > 0$dts$ \gexec
\else
DO ''BEGIN RAISE insufficient_privilege USING MESSAGE = ''''not run: the session is not its role''''; END'';
\endif
SET ROLE NONE;
RESET search_path;
SET "DateStyle" TO ''ISO, MDY'';
SET "lo_compat_privileges" TO ''off'';', '@', (SELECT max(id)::text FROM public.dts_ddl_command)));
SELECT t.mark();
CREATE INDEX "concurrently" ON a ("concurrently") /* concurrently */;
SELECT t.alone('a plain CREATE INDEX', false);
-- 19 knows nothing but standard strings
SELECT current_setting('server_version_num')::int < 190000 AS backslashes \gset
\if :backslashes
SET standard_conforming_strings = off; SET escape_string_warning = off;
SELECT $q$CREATE INDEX CONCURRENTLY j ON a (x) WHERE 'it\'s' <> ''$q$ \gexec
RESET standard_conforming_strings;
SELECT t.alone('strings with backslashes', true);
\endif
DROP INDEX "concurrently"; SELECT t.alone('a plain DROP INDEX', false);
DROP INDEX CONCURRENTLY i; SELECT t.alone('DROP INDEX CONCURRENTLY', true);
CREATE INDEX ON p (x); SELECT t.alone('a partitioned index', false);
ALTER TABLE a ADD COLUMN y int; SELECT t.alone('ALTER TABLE', false);
ALTER TABLE p DETACH PARTITION p1; SELECT t.alone('a plain DETACH', false);
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x; CREATE UNIQUE INDEX ON mv (x); SELECT t.mark();
REFRESH MATERIALIZED VIEW CONCURRENTLY mv; SELECT t.alone('REFRESH may run in a transaction block', false);
