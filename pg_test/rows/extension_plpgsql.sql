-- The one extension that every installation has: dropping and making it again is one row each.
DROP EXTENSION plpgsql CASCADE;
CREATE EXTENSION plpgsql;
SELECT tag || ': ' || ddl_text FROM public.dts_ddl_command ORDER BY id;
SELECT 1/(CASE WHEN (SELECT string_agg(ddl_text, ';' ORDER BY id) FROM public.dts_ddl_command) = 'DROP EXTENSION plpgsql CASCADE;CREATE EXTENSION plpgsql' THEN 1 ELSE 0 END) AS ok;
