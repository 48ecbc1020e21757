-- Helpers of the SQL tests, made before the extension so that nothing of them is captured.
-- A test runs DDL as any client would and then names the rows it expects; every row is also held
-- against what must be true of all rows. Reading the captured rows moves a mark past them.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE SCHEMA t;
GRANT USAGE ON SCHEMA t TO PUBLIC;
CREATE TABLE t.state (mark bigint NOT NULL);
INSERT INTO t.state VALUES (0);
-- publications FOR ALL TABLES must not keep the mark from moving
ALTER TABLE t.state REPLICA IDENTITY FULL;

CREATE FUNCTION t.check(name text, ok boolean, detail text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  IF ok IS NOT TRUE THEN
    RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = coalesce(detail, format('the condition is %s', coalesce(ok::text, 'NULL')));
  END IF;
  RETURN 'ok ' || name;
END $fn$;

CREATE FUNCTION t.is(name text, got anycompatible, want anycompatible) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
BEGIN
  IF got IS DISTINCT FROM want THEN
    RAISE EXCEPTION 'TEST FAILED: %', name
      USING DETAIL = format(E'got  %s\nwant %s', coalesce(got::text, 'NULL'), coalesce(want::text, 'NULL'));
  END IF;
  RETURN 'ok ' || name;
END $fn$;

-- A message in its full form: with what docs/row.md says of absent keys.
CREATE FUNCTION t.full(message jsonb, username text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $fn$
DECLARE
  part constant text := '("(?:[^"]|"")+"|[^". (]+)';
  objects jsonb := '[]';
  o jsonb;
  names text[];
BEGIN
  FOR o IN SELECT x FROM jsonb_array_elements(message->'objects') x LOOP
    IF o->>'op' = 'drop' THEN o := '{"original": false}' || o; END IF;
    IF NOT o ?| ARRAY['schema', 'name'] THEN
      names := coalesce(regexp_match(o->>'identity', format('^(?:%s[.])?(?:%s[.])?%s(?:[(].*)?$', part, part, part)),
                        (SELECT ARRAY[m[2], NULL, m[1]] FROM regexp_match(o->>'identity', format('^%s on %s[.]%s$', part, part, part)) m));
      SELECT array_agg(CASE WHEN n LIKE '"%' THEN replace(substr(n, 2, length(n) - 2), '""', '"') ELSE n END ORDER BY i) INTO names
        FROM unnest(names) WITH ORDINALITY u (n, i);
      o := jsonb_strip_nulls(jsonb_build_object('schema', names[1], 'name', names[3])) || o;
    END IF;
    objects := objects || jsonb_build_array(o);
  END LOOP;
  RETURN jsonb_strip_nulls(jsonb_build_object('session_user', username, 'nesting', jsonb_build_object('level', 'top'))) || message
    || CASE WHEN message ? 'objects' THEN jsonb_build_object('objects', objects) ELSE '{}' END;
END $fn$;

-- The rows beyond the mark, whoever asks.
CREATE FUNCTION t.new() RETURNS TABLE (n bigint, id bigint, ddl_text text, event text, tag text, username text,
    database text, schema text, object_type text, object_name text, client_address text, client_port integer,
    event_time timestamptz, txid_current text, message jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  RETURN QUERY EXECUTE
    'SELECT row_number() OVER (ORDER BY id), id, ddl_text, event, tag, username::text, database::text, schema::text,
            object_type::text, object_name::text, client_address::text, client_port, event_time,
            txid_current::text, t.full(message::jsonb, username::text)
     FROM public.dts_ddl_command WHERE id > (SELECT mark FROM t.state) ORDER BY id';
END $fn$;

CREATE FUNCTION t.mark() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
BEGIN
  EXECUTE 'UPDATE t.state SET mark = greatest(mark, coalesce((SELECT max(id) FROM public.dts_ddl_command), 0))';
END $fn$;

-- What must hold for every row, whatever the command.
CREATE FUNCTION t.sound(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
DECLARE r record; tags text[];
BEGIN
  FOR r IN SELECT * FROM t.new() LOOP
    BEGIN
      EXECUTE 'SELECT dts_ddl.statement_tags($1)' INTO tags USING r.ddl_text;
    EXCEPTION WHEN syntax_error THEN
      RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = format(E'ddl_text does not parse: %s\n%s', sqlerrm, r.ddl_text);
    END;
    PERFORM t.is(name || ': one statement of its own tag: ' || left(r.ddl_text, 100), tags, ARRAY[r.tag]);
    PERFORM t.is(name || ': event', r.event, 'ddl_command_end');
    PERFORM t.is(name || ': database', r.database, current_database()::text);
    PERFORM t.is(name || ': message version', r.message->>'v', '1');
    PERFORM t.check(name || ': txid_current', r.txid_current ~ '^[0-9]+$', r.txid_current);
    PERFORM t.check(name || ': event_time', r.event_time BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp(), r.event_time::text);
    PERFORM t.check(name || ': username', r.username IS NOT NULL);
    PERFORM t.check(name || ': client', r.client_address IN ('127.0.0.1', '::1') AND r.client_port > 0, r.client_address);
    PERFORM t.check(name || ': objects is an array of objects with op and type',
      jsonb_typeof(coalesce(r.message->'objects', '[]')) = 'array' AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(r.message->'objects') o
        WHERE NOT (o ? 'op' AND o ? 'type' AND o->>'op' IN ('create', 'alter', 'drop'))), r.message::text);
  END LOOP;
END $fn$;

-- The new rows are exactly these statements, in this order.
CREATE FUNCTION t.texts(name text, VARIADIC want text[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
DECLARE got text[]; i int;
BEGIN
  got := ARRAY(SELECT ddl_text FROM t.new() ORDER BY n);
  IF got IS DISTINCT FROM want THEN
    FOR i IN 1 .. greatest(cardinality(got), cardinality(want)) LOOP
      IF got[i] IS DISTINCT FROM want[i] THEN
        RAISE EXCEPTION 'TEST FAILED: %', name
          USING DETAIL = format(E'%s rows instead of %s; the first difference is row %s\ngot  <%s>\nwant <%s>\nall rows: %s',
                                cardinality(got), cardinality(want), i, got[i], want[i], got::text);
      END IF;
    END LOOP;
  END IF;
  PERFORM t.sound(name);
  PERFORM t.mark();
  RETURN 'ok ' || name;
END $fn$;

CREATE FUNCTION t.none(name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
DECLARE got text[];
BEGIN
  got := ARRAY(SELECT tag || ': ' || ddl_text FROM t.new() ORDER BY n);
  IF cardinality(got) <> 0 THEN
    PERFORM t.mark();
    RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = format('no row was expected, got %s', got::text);
  END IF;
  RETURN 'ok ' || name;
END $fn$;

-- Exactly one new row, returned for a closer look; the mark moves past it.
CREATE FUNCTION t.one(name text, OUT ddl_text text, OUT tag text, OUT username text, OUT schema text,
    OUT object_type text, OUT object_name text, OUT message jsonb, OUT id bigint, OUT event_time timestamptz, OUT txid_current text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $fn$
DECLARE got text[];
BEGIN
  got := ARRAY(SELECT x.tag || ': ' || x.ddl_text FROM t.new() x ORDER BY x.n);
  IF cardinality(got) <> 1 THEN
    PERFORM t.mark();
    RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = format('one row was expected, got %s: %s', cardinality(got), got::text);
  END IF;
  PERFORM t.sound(name);
  SELECT x.ddl_text, x.tag, x.username, x.schema, x.object_type, x.object_name, x.message, x.id, x.event_time, x.txid_current
    INTO ddl_text, tag, username, schema, object_type, object_name, message, id, event_time, txid_current FROM t.new() x;
  PERFORM t.mark();
END $fn$;

-- The objects of a message as sorted lines "op type identity", for comparing.
CREATE FUNCTION t.objects(message jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $fn$
  SELECT coalesce(array_agg(line ORDER BY line COLLATE "C"), '{}') FROM (
    SELECT concat_ws(' ', o->>'op', o->>'type', o->>'identity',
                     CASE o->>'original' WHEN 'true' THEN '(original)' WHEN 'false' THEN '(dependent)' END) AS line
    FROM jsonb_array_elements(message->'objects') o) s
$fn$;

-- Runs the text and expects it to fail with this SQLSTATE and a message like this.
CREATE FUNCTION t.fails(name text, sql text, state text, message text DEFAULT '%') RETURNS text
LANGUAGE plpgsql AS $fn$
DECLARE got_state text; got_message text;
BEGIN
  BEGIN
    EXECUTE sql;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS got_state = RETURNED_SQLSTATE, got_message = MESSAGE_TEXT;
    IF got_state OPERATOR(pg_catalog.=) state AND got_message OPERATOR(pg_catalog.~~) message THEN
      RETURN pg_catalog.concat('ok ', name);
    END IF;
    RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = pg_catalog.format(E'got  %s %s\nwant %s %s', got_state, got_message, state, message);
  END;
  RAISE EXCEPTION 'TEST FAILED: %', name USING DETAIL = pg_catalog.concat('no error from: ', sql);
END $fn$;
