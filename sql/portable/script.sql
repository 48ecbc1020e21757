-- The commands that the portable edition has recorded, as a script for psql, in the order of their ids:
--   psql -XAtq -f sql/portable/script.sql source | psql -X -v ON_ERROR_STOP=1 destination
-- Each command runs as the role, with the search_path and with the settings it had; those that a row does not name had PostgreSQL's
-- built-in defaults. The roles must exist. Commands that are not for replay appear as comments with their reason. (On a server
-- with the native extension, dts_ddl.script() reads the same rows.)
WITH defaults (name, value) AS (VALUES
  ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('TimeZone', 'GMT'), ('array_nulls', 'on'), ('backslash_quote', 'safe_encoding'),
  ('bytea_output', 'hex'), ('check_function_bodies', 'off'), ('default_tablespace', ''), ('default_text_search_config', 'pg_catalog.simple'),
  ('extra_float_digits', '1'), ('lc_monetary', 'C'), ('lc_numeric', 'C'), ('lc_time', 'C'), ('quote_all_identifiers', 'off'),
  ('standard_conforming_strings', 'on'), ('timezone_abbreviations', 'Default'), ('transform_null_equals', 'off'), ('xmlbinary', 'base64'),
  ('xmloption', 'content'), ('client_min_messages', 'warning')),
commands AS (
  SELECT c.id, c.tag, c.ddl_text, c.username, c.message::json AS m FROM public.dts_ddl_command c),
-- those that not every version has: only where a row names them
others AS (
  SELECT c.id, pg_catalog.string_agg(pg_catalog.format(' SET %I TO %L;', s.key, s.value), '') AS set,
         pg_catalog.string_agg(pg_catalog.format(' RESET %I;', s.key), '') AS reset
    FROM commands c, pg_catalog.json_each_text(CASE WHEN pg_catalog.json_typeof(c.m -> 'settings') = 'object' THEN c.m -> 'settings' ELSE '{}' END) s
   WHERE s.key NOT IN (SELECT d.name FROM defaults d) GROUP BY c.id)
SELECT s.line FROM (
  SELECT 0::bigint AS id, 0 AS part, pg_catalog.format('SET client_encoding TO %L;', pg_catalog.current_setting('client_encoding')) AS line
  UNION ALL
  SELECT c.id, 1, CASE WHEN c.m ->> 'replay' = 'false'
      THEN E'\n-- ' || c.id || ' ' || c.tag || ' not run: ' || coalesce(c.m ->> 'replay_reason', '') || E'\n-- '
           || pg_catalog.regexp_replace(c.ddl_text, E'[\n\r]', E'\n-- ', 'g')
      ELSE E'\n-- ' || c.id || ' ' || c.tag || E'\n' || pg_catalog.format('\echo %s %s', c.id, c.tag) || E'\n'
        || (SELECT pg_catalog.string_agg(pg_catalog.format('SET %I TO %L;', d.name, coalesce(c.m -> 'settings' ->> d.name, d.value)), ' ') FROM defaults d)
        || coalesce(o.set, '') || E'\n' || 'SET search_path TO '
        || coalesce((SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p.p), ', ') FROM pg_catalog.json_array_elements_text(c.m -> 'search_path') p(p)
                      WHERE p.p <> 'pg_temp'), '''''') || E';\n'
        || pg_catalog.format(E'SET ROLE %I;\n', c.username)
        || 'SELECT ' || pg_catalog.quote_literal(c.ddl_text) || E' \\gexec\n'
        || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format(E'ALTER TABLE %s REPLICA IDENTITY FULL;\n', t.t), '')
                       FROM pg_catalog.json_array_elements_text(c.m -> 'replica_identity') t(t)), '')
        || 'RESET ROLE;' || coalesce(o.reset, '') END
    FROM commands c LEFT JOIN others o USING (id)
  UNION ALL
  SELECT 9223372036854775807, 2, E'\nRESET ALL;') s
ORDER BY s.id, s.part;
