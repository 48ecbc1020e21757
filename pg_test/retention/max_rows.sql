-- At most max_rows rows, the oldest go first, and what was pruned can be told.
SELECT t.is('nothing pruned yet', dts_ddl.pruned_through(), 0);
CREATE FUNCTION t.kept() RETURNS text LANGUAGE sql AS $$ SELECT count(*) || ' rows, ids ' || min(id) || '-' || max(id) FROM public.dts_ddl_command $$;
SELECT t.mark();
TRUNCATE public.dts_ddl_command;
SET dts_ddl_capture.max_rows = 5;
DO $$ BEGIN FOR i IN 1..20 LOOP EXECUTE format('CREATE TABLE a%s (x int)', i); END LOOP; END $$;
SELECT t.is('in one transaction', (SELECT count(*) FROM public.dts_ddl_command), 5);
SELECT t.is('the newest stay', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE a16 (x int),CREATE TABLE a17 (x int),CREATE TABLE a18 (x int),CREATE TABLE a19 (x int),CREATE TABLE a20 (x int)');
SELECT t.is('pruned_through is the highest id that is gone', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
SELECT format('DROP TABLE a%s', i) FROM generate_series(1, 20) i \gexec
SELECT t.is('one by one', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'DROP TABLE a16,DROP TABLE a17,DROP TABLE a18,DROP TABLE a19,DROP TABLE a20');
SELECT t.is('pruned_through', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
-- rolled back DDL uses ids up but prunes nothing for good
BEGIN; CREATE TABLE r1 (x int); CREATE TABLE r2 (x int); CREATE TABLE r3 (x int); ROLLBACK;
SELECT t.is('rolled back', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'DROP TABLE a16,DROP TABLE a17,DROP TABLE a18,DROP TABLE a19,DROP TABLE a20');
CREATE TABLE s (x int);
SELECT t.is('with a gap in the ids there are still at most five', (SELECT count(*) <= 5 AND bool_or(ddl_text = 'CREATE TABLE s (x int)') FROM public.dts_ddl_command), true);
-- the rolled back transaction had pruned: then the answer is ahead of the truth, never behind
SELECT t.check('pruned_through', dts_ddl.pruned_through() BETWEEN (SELECT min(id) - 1 FROM public.dts_ddl_command) AND (SELECT max(id) - 1 FROM public.dts_ddl_command), dts_ddl.pruned_through()::text);
-- a lower limit takes effect with the next DDL, a higher one keeps more
SET dts_ddl_capture.max_rows = 2;
CREATE TABLE t1 (x int);
SELECT t.check('lowered', (SELECT count(*) FROM public.dts_ddl_command) <= 2 OR dts_ddl.prune() >= 0);
SELECT t.is('prune() goes all the way', (SELECT count(*) FROM public.dts_ddl_command), 2);
SET dts_ddl_capture.max_rows = 4;
CREATE TABLE t2 (x int); CREATE TABLE t3 (x int); CREATE TABLE t4 (x int);
SELECT t.is('raised', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE t1 (x int),CREATE TABLE t2 (x int),CREATE TABLE t3 (x int),CREATE TABLE t4 (x int)');
SET dts_ddl_capture.max_rows = 1;
CREATE TABLE t5 AS SELECT 1 AS x;
SELECT dts_ddl.prune() \g /dev/null
SELECT t.is('one, and CREATE TABLE AS counts too', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE public.t5 (x integer)');
SET dts_ddl_capture.max_rows = 0;
DO $$ BEGIN FOR i IN 1..50 LOOP EXECUTE format('CREATE TABLE b%s (x int)', i); END LOOP; END $$;
SELECT t.is('0 is unlimited', (SELECT count(*) FROM public.dts_ddl_command), 51);
SELECT t.is('prune() leaves all', dts_ddl.prune(), 0);
SET dts_ddl_capture.max_rows = 10;
SELECT t.is('prune() tells how many', dts_ddl.prune(), 41);
SELECT t.is('ten left', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), (SELECT string_agg(format('CREATE TABLE b%s (x int)', i), ',' ORDER BY i) FROM generate_series(41, 50) i));
SELECT t.is('pruned_through', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
SELECT t.is('again: nothing', dts_ddl.prune(), 0);
\c
SELECT t.is('pruned_through in another session', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
-- default: 10,000
-- an emptied table
TRUNCATE public.dts_ddl_command;
CREATE TABLE after_truncate (x int);
SELECT t.is('after TRUNCATE by the owner', (SELECT count(*) FROM public.dts_ddl_command), 1);
