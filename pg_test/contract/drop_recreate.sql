-- DROP EXTENSION removes everything in one transaction; CREATE EXTENSION works again; so does a rollback of either.
CREATE FUNCTION t.left() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(', ',
    (SELECT string_agg(oid::regclass::text, ',') FROM pg_class WHERE relname LIKE 'dts\_%'),
    (SELECT string_agg(oid::regprocedure::text, ',') FROM pg_proc WHERE proname LIKE '%dts\_capture%'),
    (SELECT string_agg(evtname, ',') FROM pg_event_trigger), (SELECT string_agg(nspname, ',') FROM pg_namespace WHERE nspname LIKE 'dts\_%'))
$$;
SELECT t.mark();
CREATE TABLE a (x int);
SELECT t.texts('captured', 'CREATE TABLE a (x int)');
DROP EXTENSION dts_ddl_capture;
SELECT t.is('nothing is left', t.left(), '');
CREATE TABLE b (x int);      -- the session has the library and goes on undisturbed
SELECT 1 AS x INTO c;
DROP TABLE b, c;
UPDATE t.state SET mark = 0;
CREATE EXTENSION dts_ddl_capture;
SELECT t.none('creating and dropping ourselves is no row');
CREATE TABLE d (x int);
SELECT t.texts('captured again', 'CREATE TABLE d (x int)');
SELECT t.is('ids begin anew', (SELECT min(id) FROM public.dts_ddl_command), 1);

BEGIN;
DROP EXTENSION dts_ddl_capture;
CREATE TABLE e (x int);
ROLLBACK;
CREATE TABLE f (x int);
SELECT t.texts('a rolled back DROP EXTENSION changes nothing', 'CREATE TABLE f (x int)');

BEGIN;
CREATE TABLE g (x int);
DROP EXTENSION dts_ddl_capture;
CREATE TABLE h (x int);
CREATE EXTENSION dts_ddl_capture;
CREATE TABLE i (x int);
UPDATE t.state SET mark = 0;
SELECT t.texts('dropped and made in one transaction', 'CREATE TABLE i (x int)');
COMMIT;
CREATE TABLE j (x int);
SELECT t.texts('and after it', 'CREATE TABLE j (x int)');

-- Multi-statement strings and blocks that drop or create the extension half-way.
CREATE TABLE k (x int)\; DROP EXTENSION dts_ddl_capture\; CREATE TABLE l (x int)\; CREATE EXTENSION dts_ddl_capture\; CREATE TABLE m (x int);
UPDATE t.state SET mark = 0;
SELECT t.texts('half-way in one string', 'CREATE TABLE m (x int)');
DO $$ BEGIN
  DROP EXTENSION dts_ddl_capture;
  CREATE TABLE n (x int);
  CREATE EXTENSION dts_ddl_capture;
  CREATE TABLE o (x int);
END $$;
UPDATE t.state SET mark = 0;
SELECT t.texts('half-way in a DO block', 'CREATE TABLE o (x int)');

SELECT t.fails('members cannot be dropped alone', 'DROP TABLE public.dts_ddl_command', '2BP01');
SELECT t.fails('members cannot be dropped alone', 'DROP EVENT TRIGGER dts_intercept_ddl', '2BP01');
DROP EXTENSION dts_ddl_capture CASCADE;
SELECT t.is('nothing is left after CASCADE', t.left(), '');
SET client_min_messages = error;
DROP EXTENSION IF EXISTS dts_ddl_capture;
