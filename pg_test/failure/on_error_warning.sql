-- on_error = warning: DDL goes through without its row, the gap is counted.
CREATE ROLE oew_app LOGIN; CREATE SCHEMA app AUTHORIZATION oew_app;
SELECT t.is('no gaps', dts_ddl.gaps(), 0);
ALTER DATABASE :"db" SET dts_ddl_capture.on_error = 'warning';
\c
SET client_min_messages = error;
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO elsewhere; RESET session_replication_role;
CREATE TABLE a (x int);
CREATE TABLE b AS SELECT i AS x FROM generate_series(1, 3) i;
ALTER TABLE a ADD COLUMN y int;
DROP TABLE a;
SELECT t.is('the DDL happened', (SELECT count(*) || coalesce(to_regclass('a')::text, '-') FROM b), '3-');
SELECT t.is('four gaps', dts_ddl.gaps(), 4);
\c - oew_app
SET client_min_messages = error;
CREATE TABLE app.c (x int);
\c - :user
SELECT t.is('by an unprivileged user too', dts_ddl.gaps(), 5);
SET client_min_messages = error;
BEGIN; CREATE TABLE d (x int); CREATE TABLE e (x int); COMMIT;
CREATE TABLE f (x int)\; CREATE TABLE g (x int);
DO $$ BEGIN CREATE TABLE h (x int); BEGIN CREATE TABLE i (x int); PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END; CREATE TABLE j (x int); END $$;
SELECT t.is('the DDL happened', (SELECT count(*) FROM pg_class WHERE relname IN ('d', 'e', 'f', 'g', 'h', 'i', 'j')), 6);
SELECT t.check('counted', dts_ddl.gaps() BETWEEN 11 AND 12, dts_ddl.gaps()::text);
SET session_replication_role = replica; ALTER TABLE public.elsewhere RENAME TO dts_ddl_command; RESET session_replication_role;
SELECT t.mark();
CREATE TABLE k (x int);
SELECT t.texts('mended', 'CREATE TABLE k (x int)');
SELECT t.check('the count stays', dts_ddl.gaps() BETWEEN 11 AND 12);
-- the user's own errors are errors all the same
SELECT t.fails('own error', 'CREATE TABLE k (x int)', '42P07', 'relation "k" already exists');
SELECT t.fails('own error in CREATE TABLE AS', 'CREATE TABLE l AS SELECT 1/0 AS x', '22012');
SELECT t.none('no rows of failures');
