-- requires-library: test_decoding
-- dts_ddl_capture.emit_message: the document of each row as a transactional logical message, in its place.
SELECT 'x' FROM pg_create_logical_replication_slot('stream_' || :'db', 'test_decoding');
-- What was decoded, in order: [kind, the message's document]
CREATE FUNCTION t.decoded() RETURNS jsonb LANGUAGE sql AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_array(
      CASE WHEN data LIKE 'message:%' THEN 'M ' || substring(data FROM '^message: (transactional: 1 prefix: dts_ddl), sz: ') ELSE regexp_replace(data, '^table public\."?(\w+)"?: (\w+):.*$', '\1 \2') END,
      substring(data FROM '^message: .*? content:(.*)$')::jsonb) ORDER BY o), '[]')
  FROM pg_logical_slot_get_changes('stream_' || current_database(), NULL, NULL, 'skip-empty-xacts', '1', 'include-xids', '0') WITH ORDINALITY d(lsn, xid, data, o)
  WHERE data LIKE 'table public.%' OR data LIKE 'message:%'
$$;
CREATE FUNCTION t.kinds(got jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(CASE e->>0 WHEN 'dts_ddl_command INSERT' THEN 'row' WHEN 'M transactional: 1 prefix: dts_ddl' THEN 'message' ELSE e->>0 END, ', ' ORDER BY n) FROM jsonb_array_elements(got) WITH ORDINALITY x(e, n)
$$;
-- The documents, which are to be the only ones.
CREATE FUNCTION t.documents(got jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$ SELECT e->1 FROM jsonb_array_elements(got) WITH ORDINALITY x(e, n) WHERE e->>0 LIKE 'M%' ORDER BY n $$;
SELECT t.decoded() AS got \gset
CREATE TABLE none (x int);
SELECT t.decoded() AS got \gset
SELECT t.is('off by default', current_setting('dts_ddl_capture.emit_message'), 'off'), t.is('off', t.kinds(:'got'), 'row');
SET dts_ddl_capture.emit_message = on;
SELECT t.mark();
CREATE TABLE a (x int DEFAULT 1 /* " \ */);
SELECT t.decoded() AS got \gset
SELECT t.is('a row and its message', t.kinds(:'got'), 'row, message');
SELECT t.is('the columns and the document', (SELECT t.full(d, d->>'username') - 'event_time' FROM t.documents(:'got') d), (SELECT message || jsonb_strip_nulls(to_jsonb(r) - 'n' - 'message' - 'event_time') FROM t.new() r));
SELECT t.check('the time, ISO 8601 with zone', (SELECT d->>'event_time' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00$' FROM t.documents(:'got') d), :'got'),
  t.is('is the row''s', (SELECT (d->>'event_time')::timestamptz FROM t.documents(:'got') d), (SELECT event_time FROM t.new()));
SELECT t.texts('the row', 'CREATE TABLE a (x int DEFAULT 1 /* " \ */)');
SET TimeZone = 'Asia/Kathmandu'; SET DateStyle = 'German';
COMMENT ON TABLE a IS 'x';
RESET TimeZone; RESET DateStyle;
SELECT t.decoded() AS got \gset
SELECT t.is('whatever the session''s', (SELECT (d->>'event_time')::timestamptz FROM t.documents(:'got') d), (SELECT event_time FROM t.new())), t.mark();
-- order within a transaction; rows of CREATE TABLE AS come after it
BEGIN; INSERT INTO a VALUES (1); CREATE TABLE b AS SELECT 1 AS x; ALTER TABLE b ADD COLUMN y int; INSERT INTO b VALUES (2); COMMIT;
SELECT t.decoded() AS got \gset
SELECT t.is('order', t.kinds(:'got'), 'a INSERT, row, message, b INSERT, row, message, b INSERT');
BEGIN; CREATE TABLE c (x int); ROLLBACK;
BEGIN; SAVEPOINT s; CREATE TABLE c (x int); ROLLBACK TO s; CREATE TABLE d (x int); COMMIT;
SELECT t.decoded() AS got \gset
SELECT t.is('rolled back with the command', t.kinds(:'got'), 'row, message'), t.is('the other one', (SELECT d->>'ddl_text' FROM t.documents(:'got') d), 'CREATE TABLE d (x int)');
-- secrets are not in it either
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 's3cret');
SELECT t.decoded() AS got \gset
SELECT t.is('three messages', (SELECT count(*) FROM t.documents(:'got')), 3), t.check('no secret', :'got' NOT LIKE '%s3cret%');
-- a large one
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE a IS %L', repeat('x', 3000000)); END $$;
SELECT t.is('large', (SELECT string_agg(length(d->>'ddl_text')::text, ',') FROM t.documents(t.decoded()) d), '3000024');
-- superusers only
CREATE ROLE stream_user; GRANT CREATE ON SCHEMA public TO stream_user;
SELECT t.decoded() AS got \gset
SET ROLE stream_user;
SELECT t.fails('not by users', 'SET dts_ddl_capture.emit_message = off', '42501');
CREATE TABLE e (x int);
RESET ROLE;
SELECT t.decoded() AS got \gset
SELECT t.is('for users', (SELECT d->>'username' FROM t.documents(:'got') d), 'stream_user');
SET dts_ddl_capture.emit_message = off;
DROP TABLE e; REVOKE ALL ON SCHEMA public FROM stream_user; DROP ROLE stream_user;
SELECT t.decoded() AS got \gset
SELECT t.is('off again', t.kinds(:'got'), 'row, row');
SELECT 'x' FROM pg_drop_replication_slot('stream_' || :'db');
