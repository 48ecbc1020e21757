-- DDL of an applier (session_replication_role = replica) is not captured; origin and local are. enabled = off captures nothing.
SET session_replication_role = replica;
CREATE TABLE a (x int);
CREATE TABLE b AS SELECT 1 AS x;
DROP TABLE a;
SELECT t.none('replica');
SET session_replication_role = local;
CREATE TABLE c (x int);
RESET session_replication_role;
CREATE TABLE d (x int);
SELECT t.texts('local and origin', 'CREATE TABLE c (x int)', 'CREATE TABLE d (x int)');
SET session_replication_role = replica\; CREATE TABLE e (x int)\; SET session_replication_role = origin\; CREATE TABLE f (x int);
SELECT t.texts('in one string', 'CREATE TABLE f (x int)');
SET dts_ddl_capture.enabled = off;
CREATE TABLE g (x int); CREATE TABLE h AS SELECT 1 AS x; DROP TABLE g; ALTER TABLE h ADD COLUMN y float8 DEFAULT random();
SELECT t.none('enabled = off');
SELECT t.is('not even the replica identity', (SELECT relreplident::text FROM pg_class WHERE oid = 'h'::regclass), 'd');
RESET dts_ddl_capture.enabled;
CREATE TABLE i (x int);
SELECT t.texts('on again', 'CREATE TABLE i (x int)');
DO $$ BEGIN CREATE TABLE j (x int); SET LOCAL dts_ddl_capture.enabled = off; CREATE TABLE k (x int); SET LOCAL dts_ddl_capture.enabled = on; CREATE TABLE l (x int); END $$;
SELECT t.texts('switched inside a block', 'CREATE TABLE j (x int)', 'CREATE TABLE l (x int)');
-- the event trigger disabled by its owner
ALTER EVENT TRIGGER dts_intercept_ddl DISABLE;
CREATE TABLE m (x int); CREATE TABLE n AS SELECT 1 AS x;
ALTER EVENT TRIGGER dts_intercept_ddl ENABLE;
SELECT t.none('event trigger disabled');
