-- Several statements sent as one string (psql's \; ), mixed with DML, queries and transaction control.
CREATE TABLE a (x int)\; CREATE TABLE b (y int);
SELECT t.texts('two', 'CREATE TABLE a (x int)', 'CREATE TABLE b (y int)');

INSERT INTO a VALUES (1)\; ALTER TABLE a ADD COLUMN y int\; UPDATE a SET y = 2\; SELECT * FROM a\; DROP TABLE b\; DELETE FROM a;
SELECT t.texts('between DML', 'ALTER TABLE a ADD COLUMN y int', 'DROP TABLE b');

BEGIN\; CREATE TABLE c (x int)\; COMMIT\; CREATE TABLE d (x int)\; BEGIN\; CREATE TABLE e (x int)\; ROLLBACK\; CREATE TABLE f (x int);
-- d lies in the implicit transaction that the second BEGIN makes an explicit one: it is rolled back with e
SELECT t.texts('transaction control inside', 'CREATE TABLE c (x int)', 'CREATE TABLE f (x int)');
SELECT t.is('and so are the tables', (SELECT string_agg(relname::text, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('c', 'd', 'e', 'f')), 'c,f');

BEGIN\; SAVEPOINT s\; CREATE TABLE g (x int)\; ROLLBACK TO s\; CREATE TABLE g (y text)\; RELEASE s\; COMMIT;
SELECT t.texts('savepoints inside', 'CREATE TABLE g (y text)');

CREATE FUNCTION two() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE h (x int); EXECUTE 'CREATE TABLE i (x int)'; END $$\; SELECT two()\; CREATE TABLE j (x int);
SELECT t.texts('a function made and called in the string', 'CREATE FUNCTION two() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE h (x int); EXECUTE ''CREATE TABLE i (x int)''; END $$',
  'CREATE TABLE h (x int)', 'CREATE TABLE i (x int)', 'CREATE TABLE j (x int)');

SET search_path = public\; CREATE TABLE k (x int)\; RESET search_path\; SHOW search_path\; COMMENT ON TABLE k IS 'a;b'\; VALUES (1);
SELECT t.texts('settings inside', 'CREATE TABLE k (x int)', $$COMMENT ON TABLE k IS 'a;b'$$);

CREATE TABLE l (x int)\; \; \; CREATE TABLE m (x int)\; ;
SELECT t.texts('empty statements', 'CREATE TABLE l (x int)', 'CREATE TABLE m (x int)');

PREPARE p AS SELECT 1 AS one\; CREATE TABLE n AS EXECUTE p\; DEALLOCATE p\; SELECT 2 AS two INTO o\; CREATE TABLE q (x int);
SELECT t.texts('CREATE TABLE AS inside', 'CREATE TABLE public.n (one integer)', 'CREATE TABLE public.o (two integer)', 'CREATE TABLE q (x int)');

EXPLAIN (COSTS OFF) SELECT 1\; DECLARE cur CURSOR WITH HOLD FOR SELECT 1\; CREATE TABLE r (x int)\; FETCH cur\; CLOSE cur\; LOCK TABLE r;
SELECT t.texts('cursors and explain inside', 'CREATE TABLE r (x int)');

-- An error in the middle of an implicit transaction takes the earlier ones along.
\set ON_ERROR_STOP 0
CREATE TABLE lost (x int)\; SELECT 1/0\; CREATE TABLE lost2 (x int);
\set ON_ERROR_STOP 1
SELECT t.none('failed string');
\set ON_ERROR_STOP 0
CREATE TABLE kept (x int)\; COMMIT\; CREATE TABLE lost (x int)\; SELECT 1/0\; CREATE TABLE lost2 (x int);
\set ON_ERROR_STOP 1
SELECT t.texts('only what was committed', 'CREATE TABLE kept (x int)');

-- EXPLAIN ANALYZE CREATE TABLE AS makes a table too, though no event trigger is told of EXPLAIN.
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE explained AS SELECT 1 AS x;
SELECT t.texts('EXPLAIN ANALYZE CREATE TABLE AS', 'CREATE TABLE public.explained (x integer)');
CREATE TABLE after_explain AS SELECT 1 AS x;
SELECT t.texts('and the next', 'CREATE TABLE public.after_explain (x integer)');
EXPLAIN (COSTS OFF) CREATE TABLE not_made AS SELECT 1 AS x;
SELECT t.none('EXPLAIN alone makes nothing');

-- psql's own single transaction and ON_ERROR_ROLLBACK
\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE TABLE s (x int);
CREATE TABLE u (x int);
COMMIT;
\set ON_ERROR_ROLLBACK off
SELECT t.texts('ON_ERROR_ROLLBACK', 'CREATE TABLE s (x int)', 'CREATE TABLE u (x int)');
