-- message.reset: what RESET makes of the settings, where the session has another value; of search_path where it is not the usual one.
-- It is there where a command may call functions.
CREATE FUNCTION t.reset(name text) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$ SELECT message->'reset' FROM t.one(name) $$;
SELECT t.mark();
CREATE MATERIALIZED VIEW plain AS SELECT 1 AS x; SELECT t.is('absent', t.reset('plain'), NULL::jsonb);
SET search_path = pg_catalog, public; CREATE MATERIALIZED VIEW public.path AS SELECT 1 AS x; RESET search_path;
SELECT t.is('the usual search_path', t.reset('path'), NULL::jsonb);
SET DateStyle = 'German'; CREATE MATERIALIZED VIEW set1 AS SELECT 1 AS x; SELECT t.is('SET', t.reset('SET'), jsonb_build_object('DateStyle', (SELECT reset_val FROM pg_settings WHERE name = 'DateStyle')));
RESET DateStyle; CREATE MATERIALIZED VIEW reset1 AS SELECT 1 AS x; SELECT t.is('RESET', t.reset('RESET'), NULL::jsonb);
ALTER DATABASE :"db" SET search_path = "$user", "A ""b", public, "no such"; ALTER DATABASE :"db" SET DateStyle = 'German'; ALTER DATABASE :"db" SET extra_float_digits = 0;
ALTER DATABASE :"db" SET check_function_bodies = off;
\c
CREATE MATERIALIZED VIEW database1 AS SELECT 1 AS x;
SELECT t.is('ALTER DATABASE', t.reset('database'), jsonb_build_object('search_path', '"$user", "A ""b", public, "no such"'));
SET search_path = public; SET DateStyle TO 'ISO, MDY'; SET check_function_bodies = on; CREATE MATERIALIZED VIEW database2 AS SELECT 1 AS x;
SELECT t.is('SET over ALTER DATABASE', t.reset('set over'), jsonb_build_object('search_path', '"$user", "A ""b", public, "no such"', 'DateStyle', 'German, DMY', 'check_function_bodies', 'off'));
SELECT format('ALTER DATABASE %I SET search_path = public, %s', current_database(), string_agg(repeat('x', 60) || i, ', ')) FROM generate_series(1, 200) i \gexec
\c
CREATE MATERIALIZED VIEW long AS SELECT 1 AS x; SELECT t.is('one that is too long', t.reset('long'), NULL::jsonb);
