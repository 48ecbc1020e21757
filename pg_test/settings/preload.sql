-- With the library preloaded into the session everything behaves the same.
ALTER DATABASE :"db" SET session_preload_libraries = 'dts_ddl_capture';
CREATE FUNCTION st() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE a (x int); DROP TABLE a; END $$;
SELECT t.mark();
\c
SELECT t.is('loaded before any DDL', current_setting('dts_ddl_capture.enabled', true), 'on');
SELECT st();
SELECT t.texts('nested first', 'CREATE TABLE a (x int)', 'DROP TABLE a');
CREATE TABLE b (x int)\; INSERT INTO b VALUES (1)\; DROP TABLE b\; SELECT 1 AS x INTO c;
SELECT t.texts('string', 'CREATE TABLE b (x int)', 'DROP TABLE b', 'CREATE TABLE public.c (x integer)');
DROP EXTENSION dts_ddl_capture;
\c
CREATE TABLE d (x int); SELECT 1 AS x INTO e; DROP TABLE d;
SELECT t.is('a preloaded library without the extension does nothing', (SELECT count(*) FROM pg_class WHERE relname LIKE 'dts%'), 0);
SELECT t.is('not even the replica identity', (SELECT relreplident::text FROM pg_class WHERE oid = 'e'::regclass), 'd');
UPDATE t.state SET mark = 0;
CREATE EXTENSION dts_ddl_capture;
CREATE TABLE f (x int);
SELECT t.texts('again', 'CREATE TABLE f (x int)');
