-- max_age: rows older than that go, whatever max_rows says.
CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE TABLE c (x int);
UPDATE public.dts_ddl_command SET event_time = now() - interval '2 hours' WHERE ddl_text IN ('CREATE TABLE a (x int)', 'CREATE TABLE b (x int)');
CREATE TABLE d (x int);
SELECT t.is('off by default', (SELECT count(*) FROM public.dts_ddl_command), 4);
SET dts_ddl_capture.max_age = '1h';
SELECT t.is('shown with its unit', current_setting('dts_ddl_capture.max_age'), '1h');
CREATE TABLE e (x int);
SELECT dts_ddl.prune() \g /dev/null
SELECT t.is('the old ones are gone', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE c (x int),CREATE TABLE d (x int),CREATE TABLE e (x int)');
SELECT t.is('pruned_through', dts_ddl.pruned_through(), (SELECT min(id) - 1 FROM public.dts_ddl_command));
UPDATE public.dts_ddl_command SET event_time = now() - interval '61 minutes' WHERE ddl_text = 'CREATE TABLE c (x int)';
CREATE TABLE f (x int);
SELECT t.is('by DDL alone', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), 'CREATE TABLE d (x int),CREATE TABLE e (x int),CREATE TABLE f (x int)');
SET dts_ddl_capture.max_age = 0;
UPDATE public.dts_ddl_command SET event_time = now() - interval '10 years';
CREATE TABLE g (x int);
SELECT t.is('0 is off', (SELECT count(*) FROM public.dts_ddl_command), 4);
SET dts_ddl_capture.max_age = 1; SET dts_ddl_capture.max_rows = 0;
SELECT t.is('with unlimited rows', dts_ddl.prune(), 3);
SELECT t.is('what is left', (SELECT string_agg(ddl_text, ',') FROM public.dts_ddl_command), 'CREATE TABLE g (x int)');
-- rolled back: pruned_through is ahead, and they go with the next command
SET dts_ddl_capture.max_age = '30s';
CREATE TABLE h (x int);
UPDATE public.dts_ddl_command SET event_time = now() - interval '1 minute';
BEGIN; CREATE TABLE i (x int); SELECT t.is('gone', (SELECT string_agg(ddl_text, ',') FROM public.dts_ddl_command), 'CREATE TABLE i (x int)'); ROLLBACK;
SELECT t.is('there again', (SELECT count(*) FROM public.dts_ddl_command), 2), t.is('ahead', dts_ddl.pruned_through(), (SELECT max(id) FROM public.dts_ddl_command));
CREATE TABLE j (x int);
SELECT t.is('gone for good', (SELECT string_agg(ddl_text, ',') FROM public.dts_ddl_command), 'CREATE TABLE j (x int)');
