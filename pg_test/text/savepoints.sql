BEGIN;
CREATE TABLE a (x int);
SAVEPOINT s1;
CREATE TABLE b (x int);
SAVEPOINT s2;
CREATE TABLE c (x int);
ROLLBACK TO s2;
CREATE TABLE d (x int);
ROLLBACK TO s1;
CREATE TABLE b (y text);
RELEASE s1;
SAVEPOINT s3;
\set ON_ERROR_STOP 0
CREATE TABLE a (x int);
\set ON_ERROR_STOP 1
ROLLBACK TO s3;
CREATE TABLE e (x int);
COMMIT;
SELECT t.texts('only what survived', 'CREATE TABLE a (x int)', 'CREATE TABLE b (y text)', 'CREATE TABLE e (x int)');
SELECT t.is('ids grow', (SELECT count(*) FROM (SELECT id - lag(id) OVER (ORDER BY event_time) AS d FROM public.dts_ddl_command) x WHERE d <= 0), 0);
BEGIN;
CREATE TABLE f (x int);
ROLLBACK;
SELECT t.none('rolled back');
-- one string
BEGIN\; CREATE TABLE g (x int)\; SAVEPOINT s\; DROP TABLE g\; ROLLBACK TO SAVEPOINT s\; ALTER TABLE g ADD y int\; COMMIT AND CHAIN\; DROP TABLE g\; ROLLBACK AND CHAIN\; COMMENT ON TABLE g IS 'g'\; END;
SELECT t.texts('in one string', 'CREATE TABLE g (x int)', 'ALTER TABLE g ADD y int', $$COMMENT ON TABLE g IS 'g'$$);
-- CREATE TABLE AS and drops in subtransactions
BEGIN;
SAVEPOINT s;
CREATE TABLE h AS SELECT 1 AS x;
ROLLBACK TO s;
CREATE TABLE h AS SELECT 'y'::text AS y;
COMMIT;
SELECT t.texts('CREATE TABLE AS again', 'CREATE TABLE public.h (y text)');
-- two-phase commit
BEGIN;
CREATE TABLE prepared (x int);
PREPARE TRANSACTION :'db';
SELECT t.none('prepared, not committed');
COMMIT PREPARED :'db';
SELECT t.texts('committed', 'CREATE TABLE prepared (x int)');
