-- requires-library: test_decoding
-- Whatever another event trigger writes at the end of a command is decoded after the command's row: by INSERT, COPY, TRUNCATE, a DO block.
SELECT 'x' FROM pg_create_logical_replication_slot('trigger_' || :'db', 'test_decoding');
CREATE FUNCTION t.decoded() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(regexp_replace(data, '^table public\.(\w+): (\w+):.*$', '\1 \2'), ', ' ORDER BY lsn, o)
  FROM pg_logical_slot_get_changes('trigger_' || current_database(), NULL, NULL, 'skip-empty-xacts', '1', 'include-xids', '0') WITH ORDINALITY d(lsn, xid, data, o)
  WHERE data LIKE 'table public.%'
$$;
CREATE FUNCTION fill() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_tag = 'CREATE TABLE' THEN EXECUTE current_setting('test.sql'); END IF;
END $$;
CREATE EVENT TRIGGER a_fill ON ddl_command_end EXECUTE FUNCTION fill();
SELECT t.decoded() IS NOT NULL;
SET test.sql = 'INSERT INTO a VALUES (1)';
CREATE TABLE a (x int);
SELECT t.is('INSERT', t.decoded(), 'dts_ddl_command INSERT, a INSERT');
SET test.sql = $$COPY b FROM PROGRAM 'echo 1'$$;
CREATE TABLE b (x int);
SELECT t.is('COPY', t.decoded(), 'dts_ddl_command INSERT, b INSERT');
SET test.sql = 'TRUNCATE c';
CREATE TABLE c (x int);
SELECT t.is('TRUNCATE', t.decoded(), 'dts_ddl_command INSERT, c TRUNCATE');
SET test.sql = 'DO $d$ BEGIN EXECUTE ''COPY d FROM PROGRAM ''''echo 1''''''; END $d$';
CREATE TABLE d (x int);
SELECT t.is('DO', t.decoded(), 'dts_ddl_command INSERT, d INSERT');
SELECT 'x' FROM pg_drop_replication_slot('trigger_' || :'db');
