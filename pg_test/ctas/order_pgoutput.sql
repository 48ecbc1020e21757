-- The same order as a stock subscriber sees it, through pgoutput: the new table is in the publication before its first row.
CREATE PUBLICATION dts_sync_x FOR TABLE public.dts_ddl_command;
SELECT 'x' FROM pg_create_logical_replication_slot('pgoutput_' || :'db', 'pgoutput');
-- message kinds: R relation (names follow), I insert
CREATE FUNCTION t.decoded() RETURNS text LANGUAGE sql AS $$
  WITH m AS (SELECT o, chr(get_byte(data, 0)) AS kind, data FROM pg_logical_slot_get_binary_changes('pgoutput_' || current_database(), NULL, NULL, 'proto_version', '1', 'publication_names', 'dts_sync_x') WITH ORDINALITY d(lsn, xid, data, o)),
  x AS (SELECT o, (get_byte(data, 1)::bigint << 24) + (get_byte(data, 2) << 16) + (get_byte(data, 3) << 8) + get_byte(data, 4) AS rel FROM m WHERE kind = 'I')
  SELECT string_agg(rel::oid::regclass::text, ', ' ORDER BY o) FROM x
$$;
SELECT t.decoded() IS NULL;
CREATE TABLE a AS SELECT i AS x FROM generate_series(1, 2) i;
SELECT t.is('CREATE TABLE AS', t.decoded(), 'dts_ddl_command, a, a');
SELECT 1 AS x INTO b;
SELECT t.is('SELECT INTO', t.decoded(), 'dts_ddl_command, b');
BEGIN; CREATE TABLE c (x int); INSERT INTO c VALUES (1); CREATE TABLE d AS SELECT * FROM c; INSERT INTO d VALUES (2); UPDATE d SET x = 3; COMMIT;
SELECT t.is('one transaction', t.decoded(), 'dts_ddl_command, c, dts_ddl_command, d, d');
DO $$ DECLARE v int := 7; BEGIN EXECUTE 'CREATE TABLE e AS SELECT $1 AS x' USING v; END $$;
SELECT t.is('EXECUTE USING', t.decoded(), 'dts_ddl_command, e');
PREPARE p AS SELECT 1 AS x; CREATE TABLE f AS EXECUTE p;
SELECT t.is('AS EXECUTE', t.decoded(), 'dts_ddl_command, f');
\c
CREATE TABLE g AS SELECT 1 AS x;
SELECT t.is('first DDL of a session', t.decoded(), 'dts_ddl_command, g');
SELECT 'x' FROM pg_drop_replication_slot('pgoutput_' || :'db');
