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
-- rolled back DDL prunes nothing for good; its ids count
BEGIN; CREATE TABLE r1 (x int); CREATE TABLE r2 (x int); CREATE TABLE r3 (x int); ROLLBACK;
SELECT t.is('rolled back', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'DROP TABLE a16,DROP TABLE a17,DROP TABLE a18,DROP TABLE a19,DROP TABLE a20');
SELECT t.is('pruned_through is ahead of the truth', dts_ddl.pruned_through(), (SELECT min(id) + 2 FROM public.dts_ddl_command));
CREATE TABLE s (x int);
SELECT t.is('what came back goes again, the newest five ids stay', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'DROP TABLE a20,CREATE TABLE s (x int)');
SELECT t.is('pruned_through', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
-- a lower limit takes effect with the next DDL, a higher one keeps more
SET dts_ddl_capture.max_rows = 2;
CREATE TABLE t1 (x int);
SELECT t.is('lowered', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE s (x int),CREATE TABLE t1 (x int)');
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
-- an emptied table
TRUNCATE public.dts_ddl_command;
CREATE TABLE after_truncate (x int);
SELECT t.is('after TRUNCATE by the owner', (SELECT count(*) FROM public.dts_ddl_command), 1);
-- far below: 100 with each command, also where a transaction that did so is rolled back
CREATE FUNCTION t.comment(n int) RETURNS SETOF bigint LANGUAGE plpgsql AS $$ BEGIN
  FOR i IN 1..n LOOP EXECUTE format('COMMENT ON SCHEMA t IS %L', i); RETURN QUERY SELECT count(*) FROM public.dts_ddl_command; END LOOP; END $$;
CREATE FUNCTION t.comments(n int) RETURNS text LANGUAGE sql AS 'SELECT array_agg(c)::text FROM t.comment(n) c';
SET dts_ddl_capture.max_rows = 0;
INSERT INTO public.dts_ddl_command (ddl_text) SELECT 'x' FROM generate_series(1, 350 - (SELECT count(*) FROM public.dts_ddl_command));
SET dts_ddl_capture.max_rows = 50;
SELECT t.is('lowered from 350 to 50', t.comments(6), '{251,152,53,50,50,50}');
INSERT INTO public.dts_ddl_command (ddl_text) SELECT 'x' FROM generate_series(1, 250);
SELECT t.is('more rows by another way', t.comments(4), '{201,102,50,50}');
SET dts_ddl_capture.max_rows = 250;
SELECT t.comments(300) \g /dev/null
BEGIN; SELECT t.is('in a transaction', t.comments(220), (SELECT array_agg(250)::text FROM generate_series(1, 220))); ROLLBACK;
SELECT t.is('220 came back', (SELECT count(*) FROM public.dts_ddl_command), 250);
SELECT t.is('and go, but for those among the newest 250 ids', t.comments(4), '{151,52,30,30}');
SELECT t.is('no other', (SELECT min(id) > dts_ddl.last_id() - 250 FROM public.dts_ddl_command), true);
SELECT t.is('pruned_through', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
-- rows of which nothing is known, far below: once in so many ids they are looked for
INSERT INTO public.dts_ddl_command (ddl_text, id) SELECT 'below', -i FROM generate_series(1, 120) i;
SET dts_ddl_capture.max_rows = 10;
SELECT t.comments(150) \g /dev/null
SELECT t.is('found', (SELECT count(*) || ' ' || min(id) - dts_ddl.last_id() FROM public.dts_ddl_command), '10 -9');
-- the sequence of the ids set back, and pruned_through far ahead
TRUNCATE public.dts_ddl_command; SELECT setval('public.dts_ddl_command_id_seq', 1, false) \g /dev/null
SELECT t.is('begins again', (SELECT array_agg(c)::text FROM t.comment(30) c), (SELECT array_agg(least(i, 10))::text FROM generate_series(1, 30) i));
SELECT t.is('the newest', (SELECT min(id) || '-' || max(id) FROM public.dts_ddl_command), '21-30'), t.is('never behind', dts_ddl.pruned_through() > 30, true);
-- rows of a source, with ids above the own ones
INSERT INTO public.dts_ddl_command (ddl_text, id) SELECT 'theirs', 1000 + i FROM generate_series(1, 25) i;
SELECT t.is('prune() keeps the newest', dts_ddl.prune(), 25);
SELECT t.is('of all', (SELECT min(id) || '-' || max(id) FROM public.dts_ddl_command), '1016-1025');
