-- Helpers of the tests of the portable edition (proof/portable); made before it is installed.
-- Reading the captured rows with t.rows() moves a mark past them.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE SCHEMA t;
GRANT USAGE ON SCHEMA t TO PUBLIC;
CREATE TABLE t.state (mark bigint NOT NULL);
INSERT INTO t.state VALUES (0);
-- publications FOR ALL TABLES must not keep the mark from moving
ALTER TABLE t.state REPLICA IDENTITY FULL;

CREATE FUNCTION t.is(name text, got text, want text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  IF got IS DISTINCT FROM want THEN
    RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = format(E'got  %s\nwant %s', coalesce(got, 'NULL'), coalesce(want, 'NULL'));
  END IF;
  RETURN 'ok ' || name;
END $fn$;

-- A setting, NULL where there is none of this name.
CREATE FUNCTION t.setting(name text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  RETURN current_setting(name);
EXCEPTION WHEN undefined_object THEN
  RETURN NULL;
END $fn$;

CREATE FUNCTION t.mark() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  EXECUTE 'UPDATE t.state SET mark = greatest(mark, coalesce((SELECT max(id) FROM public.dts_ddl_command), 0))';
END $fn$;

-- The new rows, for a closer look; without the flag that every row has on 9.4.
CREATE FUNCTION t.new() RETURNS TABLE (id bigint, ddl_text text, tag text, username text, schema text, object_type text, object_name text, message jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  RETURN QUERY EXECUTE 'SELECT id, ddl_text, tag, username::text, schema::text, object_type::text, object_name::text,
       CASE WHEN current_setting(''server_version_num'')::int >= 90500 THEN message
            ELSE replace(replace(message, '',"flags":["objects unknown"]'', ''''), ''"objects unknown", '', '''') END::jsonb
     FROM public.dts_ddl_command WHERE id > (SELECT mark FROM t.state) ORDER BY id';
END $fn$;

-- The new rows are exactly these statements, in this order; moves the mark. (On 9.4 comments and rights raise no events.)
CREATE FUNCTION t.rows(name text, VARIADIC want text[]) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
DECLARE
  got text[];
  r record;
BEGIN
  IF current_setting('server_version_num')::int < 90500 THEN
    want := ARRAY(SELECT w.w FROM unnest(want) w(w) WHERE w.w !~ '^(COMMENT|GRANT|REVOKE|SECURITY) ');
  END IF;
  got := ARRAY(SELECT n.ddl_text FROM t.new() n ORDER BY n.id);
  FOR i IN 1 .. greatest(coalesce(array_length(got, 1), 0), coalesce(array_length(want, 1), 0)) LOOP
    IF got[i] IS DISTINCT FROM want[i] THEN
      RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = format(E'row %s of %s\ngot  <%s>\nwant <%s>\nall rows: %s', i, array_length(got, 1), got[i], want[i], got);
    END IF;
  END LOOP;
  FOR r IN SELECT * FROM t.new() LOOP
    PERFORM t.is(name || ': version and edition', concat(r.message ->> 'v', ' ', r.message ->> 'edition'), '1 portable');
    PERFORM t.is(name || ': who', (r.username IS NOT NULL AND (r.message ->> 'session_user') IS NOT NULL)::text, 'true');
    PERFORM t.is(name || ': only what could not be cut out is not for replay: ' || r.message,
      (coalesce(r.message -> 'flags' ?| ARRAY['whole string', 'outer statement'], false) AND (r.message ->> 'replay') IS DISTINCT FROM 'false')::text, 'false');
  END LOOP;
  PERFORM t.mark();
  RETURN 'ok ' || name;
END $fn$;

CREATE FUNCTION t.none(name text) RETURNS text LANGUAGE sql AS $fn$ SELECT t.is(name, (SELECT string_agg(n.ddl_text, ' | ') FROM t.new() n), NULL) $fn$;

-- The objects of a message as sorted lines "op type identity".
CREATE FUNCTION t.objects(message jsonb) RETURNS text LANGUAGE sql SET search_path = pg_catalog AS $fn$
  SELECT string_agg(concat_ws(' ', o ->> 'op', o ->> 'type', o ->> 'identity', CASE o ->> 'original' WHEN 'false' THEN '(dependent)' END), '; '
           ORDER BY o ->> 'op', o ->> 'type' COLLATE "C", o ->> 'identity' COLLATE "C")
    FROM jsonb_array_elements(message -> 'objects') o
$fn$;
