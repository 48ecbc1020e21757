-- Our own bookkeeping never shows: no rows for what capture itself does, whatever it does.
SET client_min_messages = error;
CREATE PUBLICATION dts_sync_one; CREATE PUBLICATION dts_sync_two; SELECT t.mark();
CREATE TABLE a (id int PRIMARY KEY);
SELECT t.texts('replica identity and two publications', 'CREATE TABLE a (id int PRIMARY KEY)');
CREATE TABLE b AS SELECT 1 AS x;
SELECT t.texts('for CREATE TABLE AS', 'CREATE TABLE public.b (x integer)');
SET dts_ddl_capture.max_rows = 2;
CREATE TABLE c (x int); CREATE TABLE d (x int); CREATE TABLE e (x int);
SELECT t.is('pruning', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE d (x int),CREATE TABLE e (x int)');
SELECT t.mark();
SELECT dts_ddl.prune(), dts_ddl.gaps(), dts_ddl.pruned_through();
SELECT t.none('functions');
ALTER EXTENSION dts_ddl_capture UPDATE;
ALTER EXTENSION dts_ddl_capture ADD TABLE a;
ALTER EXTENSION dts_ddl_capture DROP TABLE a;
COMMENT ON EXTENSION dts_ddl_capture IS 'mine';
SELECT t.none('commands on our own extension');
