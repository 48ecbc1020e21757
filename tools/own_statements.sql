-- Temporary objects for ./demo and tools/regress-suite: is each captured row exactly one statement of its own tag?
-- Judged by PostgreSQL's parser (dts_ddl.statement_tags), row by row, so that one bad row hides no other.
SET dts_ddl_capture.enabled = off;
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.verdict(ddl_text text, tag text, settings jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  tags text[];
BEGIN
  -- the one recorded setting that changes what a text consists of
  PERFORM set_config('standard_conforming_strings', coalesce(settings ->> 'standard_conforming_strings', 'on'), true);
  tags := dts_ddl.statement_tags(ddl_text);
  RETURN CASE WHEN tags = ARRAY[tag] THEN 'own' ELSE 'parses to ' || tags::text END;
EXCEPTION WHEN OTHERS THEN
  RETURN 'does not parse: ' || SQLERRM;
END
$$;

CREATE TEMPORARY TABLE checked AS
  SELECT id, tag, ddl_text, pg_temp.verdict(ddl_text, tag, message::jsonb -> 'settings') AS verdict
  FROM public.dts_ddl_command;
