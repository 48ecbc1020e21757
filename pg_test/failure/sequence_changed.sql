-- Something else in the place of a sequence: a clear error or the right sequence, and what stands there is never written.
CREATE FUNCTION t.broken(name text, want_message text, want_detail text, want_state text DEFAULT '55000') RETURNS text LANGUAGE plpgsql AS $fn$
DECLARE sql text; st text; msg text; det text; hin text;
BEGIN
  FOREACH sql IN ARRAY ARRAY['CREATE TABLE x (a int)', 'CREATE TABLE x AS SELECT 1 AS a', 'DROP TABLE existing'] LOOP
    BEGIN
      EXECUTE sql;
      st := 'none';
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS st = RETURNED_SQLSTATE, msg = MESSAGE_TEXT, det = PG_EXCEPTION_DETAIL, hin = PG_EXCEPTION_HINT;
    END;
    PERFORM t.is(name || ': SQLSTATE of ' || sql, st, want_state);
    PERFORM t.is(name || ': message', msg, want_message);
    PERFORM t.check(name || ': DETAIL', det LIKE want_detail, det);
    PERFORM t.check(name || ': HINT', length(hin) > 20, hin);
  END LOOP;
  RETURN t.is(name || ': the DDL did not happen', (to_regclass('x') IS NULL AND to_regclass('existing') IS NOT NULL), true);
END $fn$;
CREATE TABLE existing (x int);
SELECT t.mark();
-- changes are made with capture out of the way, as an owner could; all other kinds of relations stand in for a sequence
SET session_replication_role = replica;
CREATE FUNCTION t.swap(kind text, away text) RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $fn$
BEGIN
  EXECUTE format('ALTER SEQUENCE dts_ddl.%I RENAME TO away', away);
  EXECUTE format('ALTER %s dts_ddl.stand_in RENAME TO %I', kind, away);
END $fn$;
CREATE FUNCTION t.swap_back(kind text, away text) RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $fn$
BEGIN
  EXECUTE format('DROP %s dts_ddl.%I', kind, away);
  EXECUTE format('ALTER SEQUENCE dts_ddl.away RENAME TO %I', away);
END $fn$;
CREATE FOREIGN DATA WRAPPER seq_fdw; CREATE SERVER seq_server FOREIGN DATA WRAPPER seq_fdw;
CREATE TABLE t.base (last_value bigint); INSERT INTO t.base VALUES (1);
CREATE TABLE t.kinds (n int, kind text, make text, read text);
INSERT INTO t.kinds VALUES
  (1, 'TABLE', 'CREATE TABLE dts_ddl.stand_in AS SELECT 1::bigint AS last_value, 0::bigint AS log_cnt, true AS is_called', 'SELECT (last_value, is_called)::text FROM dts_ddl.%I'),
  (2, 'TABLE', 'CREATE TABLE dts_ddl.stand_in (x bigint) PARTITION BY RANGE (x)', NULL), (3, 'VIEW', 'CREATE VIEW dts_ddl.stand_in AS SELECT 1 AS x', NULL),
  (4, 'MATERIALIZED VIEW', 'CREATE MATERIALIZED VIEW dts_ddl.stand_in AS SELECT 1 AS x', 'SELECT x::text FROM dts_ddl.%I'),
  (5, 'FOREIGN TABLE', 'CREATE FOREIGN TABLE dts_ddl.stand_in (x int) SERVER seq_server', NULL), (6, 'TYPE', 'CREATE TYPE dts_ddl.stand_in AS (x int)', NULL),
  (7, 'INDEX', 'CREATE TABLE dts_ddl.indexed (x int); CREATE INDEX stand_in ON dts_ddl.indexed (x)', NULL),
  (8, 'SEQUENCE', 'CREATE SEQUENCE dts_ddl.stand_in', 'SELECT (last_value, is_called)::text FROM dts_ddl.%I'),
  (9, 'TABLE', 'CREATE UNLOGGED TABLE dts_ddl.stand_in (x int)', NULL);
RESET session_replication_role;
-- each command looks at it
SET dts_ddl_capture.max_age = '1d';
DO $$
DECLARE k t.kinds; before text; after text;
BEGIN
  FOR k IN SELECT * FROM t.kinds ORDER BY n LOOP
    SET LOCAL session_replication_role = replica;
    EXECUTE k.make;
    SET LOCAL session_replication_role = origin;
    PERFORM t.swap(k.kind, 'pruned_id');
    EXECUTE format(coalesce(k.read, 'SELECT NULL'), 'pruned_id') INTO before;
    PERFORM t.broken(k.make, 'sequence "dts_ddl.pruned_id" of extension dts_ddl_capture has been altered', 'It is no member of the extension.');
    EXECUTE format(coalesce(k.read, 'SELECT NULL'), 'pruned_id') INTO after;
    PERFORM t.is(k.make || ': nothing was written', after, before);
    PERFORM t.swap_back(k.kind, 'pruned_id');
  END LOOP;
END $$;
CREATE TABLE mended1 (x int);
SELECT t.texts('renamed back', 'CREATE TABLE mended1 (x int)');
-- the ids come from the sequence that belongs to the table, whatever stands at its name, also beside commits
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq RENAME TO away; CREATE SEQUENCE public.dts_ddl_command_id_seq; RESET session_replication_role;
CREATE TABLE a (x int); CREATE TABLE b (x int);
SELECT t.is('its ids', (SELECT max(id) FROM t.new()), (SELECT last_value FROM public.away));
SELECT t.is('the other one was never used', (SELECT is_called FROM public.dts_ddl_command_id_seq), false);
SELECT t.is('last_id()', dts_ddl.last_id(), (SELECT last_value FROM public.away));
SELECT t.fails('start_apply()', 'SELECT dts_ddl.start_apply(trust_source => true)', '55000', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has been altered');
SELECT t.texts('captured', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)');
SET session_replication_role = replica; DROP SEQUENCE public.dts_ddl_command_id_seq; ALTER SEQUENCE public.away RENAME TO dts_ddl_command_id_seq; RESET session_replication_role;
-- a member no more (seen by sessions that do not know it yet), and one again
SET session_replication_role = replica; ALTER EXTENSION dts_ddl_capture DROP SEQUENCE dts_ddl.pruned_id;
\c
SET dts_ddl_capture.max_age = '1d';
SELECT t.broken('a member no more', 'sequence "dts_ddl.pruned_id" of extension dts_ddl_capture has been altered', 'It is no member of the extension.');
SET session_replication_role = replica; ALTER EXTENSION dts_ddl_capture ADD SEQUENCE dts_ddl.pruned_id; RESET session_replication_role;
CREATE TABLE mended2 (x int);
SELECT t.texts('a member again', 'CREATE TABLE mended2 (x int)');
SET session_replication_role = replica; ALTER EXTENSION dts_ddl_capture DROP TABLE public.dts_ddl_command;
\c
SELECT t.broken('the table is a member no more', 'capture table "public.dts_ddl_command" has been altered', '%no member of the extension.');
SELECT t.fails('last_id()', 'SELECT dts_ddl.last_id()', '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.fails('script()', 'SELECT dts_ddl.script()', '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.fails('stop_apply()', 'SELECT dts_ddl.stop_apply()', '55000', 'capture table "public.dts_ddl_command" has been altered');
SELECT t.is('check()', (SELECT status FROM dts_ddl.check() WHERE name = 'table'), 'error');
SET session_replication_role = replica; ALTER EXTENSION dts_ddl_capture ADD TABLE public.dts_ddl_command; RESET session_replication_role;
CREATE TABLE mended3 (x int);
SELECT t.texts('a member again', 'CREATE TABLE mended3 (x int)');
-- a table in the place of the capture table, with the same columns: no row is written to it
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO away; CREATE TABLE public.dts_ddl_command (LIKE public.away INCLUDING ALL); RESET session_replication_role;
SELECT t.broken('a lookalike', 'capture table "public.dts_ddl_command" has been altered', '%no member of the extension.');
SELECT t.is('nothing was written', (SELECT count(*) FROM public.dts_ddl_command), 0);
SET session_replication_role = replica; DROP TABLE public.dts_ddl_command; ALTER TABLE public.away RENAME TO dts_ddl_command; RESET session_replication_role;
CREATE TABLE mended4 (x int);
SELECT t.texts('renamed back', 'CREATE TABLE mended4 (x int)');
-- the end of the numbers is no number too many, and none twice
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq AS smallint; SELECT setval('public.dts_ddl_command_id_seq', 32766); RESET session_replication_role;
CREATE TABLE last_one (x int);
SELECT t.broken('the end', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has reached its limit', '%no further number%', '2200H');
SELECT t.broken('and again', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has reached its limit', '%no further number%', '2200H');
SELECT t.is('nextval() would be at its end, too', (SELECT last_value FROM public.dts_ddl_command_id_seq), 32767);
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq AS bigint MAXVALUE 9223372036854775807; RESET session_replication_role;
CREATE TABLE mended5 (x int);
SELECT t.is('goes on', (SELECT array_agg(id ORDER BY id) FROM t.new()), ARRAY[32767, 32768]::bigint[]);
SELECT setval('public.dts_ddl_command_id_seq', 9223372036854775807);
SELECT t.broken('the end of bigint', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has reached its limit', '%no further number%', '2200H');
SELECT setval('public.dts_ddl_command_id_seq', 40000);
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT -1 MINVALUE 39999 START 40000; RESET session_replication_role;
CREATE TABLE downwards (x int);
SELECT t.broken('downwards', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has reached its limit', '%no further number%', '2200H');
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT 1 MINVALUE 1 START 1; RESET session_replication_role;
-- a sequence that a crash would set back (from 15 on)
SELECT current_setting('server_version_num')::int >= 150000 AS has_unlogged \gset
\if :has_unlogged
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq SET UNLOGGED; RESET session_replication_role;
SELECT t.broken('unlogged', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has been altered', '%not logged%');
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq SET LOGGED; RESET session_replication_role;
CREATE TABLE mended6 (x int);
SELECT t.fails('refused when it is made so', 'ALTER SEQUENCE public.dts_ddl_command_id_seq SET UNLOGGED', '55000', 'sequence "public.dts_ddl_command_id_seq" of extension dts_ddl_capture has been altered');
\endif
