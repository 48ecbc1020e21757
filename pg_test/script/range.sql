-- after_id, up_to_id, last_id(), and rows that are gone.
CREATE FUNCTION t.ids(after bigint, up_to bigint DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(substring(s from E'\n-- (\\d+) '), ','), '') FROM dts_ddl.script(after, up_to) s WHERE s LIKE E'\n%'
$$;
CREATE FUNCTION t.gone(name text, want_detail text, sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
  PERFORM t.fails(name, sql, '55000', 'DDL rows needed by the script were pruned');
  BEGIN EXECUTE sql; EXCEPTION WHEN object_not_in_prerequisite_state THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT; END;
  PERFORM t.is(name || ': DETAIL', d, want_detail);
  PERFORM t.check(name || ': HINT', h ~ 'pg_dump.*last_id.*after_id', h);
  RETURN 'ok ' || name;
END $$;
TRUNCATE public.dts_ddl_command; SELECT setval('public.dts_ddl_command_id_seq', 1, false);
SELECT t.is('no id yet', dts_ddl.last_id(), 0), t.is('no rows', t.ids(0), '');
CREATE TABLE a1 (x int); CREATE TABLE a2 (x int); CREATE TABLE a3 (x int); CREATE TABLE a4 (x int); CREATE TABLE a5 (x int);
SELECT t.is('last_id', dts_ddl.last_id(), 5);
SELECT t.is('all', t.ids(0), '1,2,3,4,5'), t.is('default', (SELECT count(*) FROM dts_ddl.script()), 7), t.is('NULL', t.ids(NULL), '1,2,3,4,5');
SELECT t.is('after', t.ids(3), '4,5'), t.is('up to', t.ids(0, 2), '1,2'), t.is('between', t.ids(2, 4), '3,4');
SELECT t.is('none', t.ids(5), ''), t.is('empty range', t.ids(2, 2), ''), t.is('beyond', t.ids(100), ''), t.is('below', t.ids(-100), '1,2,3,4,5');
SELECT t.is('the ends of bigint', t.ids(9223372036854775807) || t.ids(-9223372036854775808, -1) || t.ids(0, 9223372036854775807), '1,2,3,4,5');
SELECT t.fails('backwards', 'SELECT dts_ddl.script(3, 2)', '22023', '"up_to_id" (2) is less than "after_id" (3)');
SELECT t.is('LIMIT', (SELECT count(*) FROM (SELECT dts_ddl.script() LIMIT 2) x), 2);
-- a transaction that rolled back had pruned: nothing is gone
SET dts_ddl_capture.max_rows = 5;
BEGIN; CREATE TABLE r (x int); CREATE TABLE r2 (x int); ROLLBACK;
SELECT t.is('pruned_through is ahead', dts_ddl.pruned_through(), 2), t.is('last_id counts what was given', dts_ddl.last_id(), 7);
SELECT t.is('all are there', t.ids(0), '1,2,3,4,5');
-- the next command prunes for good
CREATE TABLE a8 (x int);
SELECT t.is('pruned_through', dts_ddl.pruned_through(), 3);
SELECT t.gone('several', 'The rows with ids from 1 to 3 are gone, all or in part.', 'SELECT dts_ddl.script()');
SELECT t.gone('up to there', 'The row with id 1 is gone.', 'SELECT dts_ddl.script(0, 1)');
SELECT t.gone('some of them needed', 'The rows with ids from 2 to 3 are gone, all or in part.', 'SELECT dts_ddl.script(1)');
SELECT t.gone('some of them needed, up to', 'The row with id 2 is gone.', 'SELECT dts_ddl.script(1, 2)');
SELECT t.is('none needed', t.ids(3), '4,5,8'), t.is('gaps by rollback are none', t.ids(5), '8');
CREATE TABLE a9 (x int); CREATE TABLE a10 (x int);
SELECT t.is('pruned_through', dts_ddl.pruned_through(), 5), t.is('none needed', t.ids(5), '8,9,10');
-- ahead of the truth, with rows missing below
BEGIN; CREATE TABLE r (x int); CREATE TABLE r2 (x int); CREATE TABLE r3 (x int); CREATE TABLE r4 (x int); ROLLBACK;
SELECT t.is('pruned_through', dts_ddl.pruned_through(), 9);
SELECT t.is('not needed', t.ids(7), '8,9,10');
SELECT t.gone('needed', 'The rows with ids from 3 to 7 are gone, all or in part.', 'SELECT dts_ddl.script(2)');
SELECT t.gone('one row is needed', 'The row with id 7 is gone.', 'SELECT dts_ddl.script(6)');
-- everything gone
DELETE FROM public.dts_ddl_command;
SELECT t.gone('all rows are gone', 'The rows with ids from 4 to 9 are gone, all or in part.', 'SELECT dts_ddl.script(3)');
SELECT t.is('after them', t.ids(9), '');
-- the transaction's own rows; rows of a snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
CREATE TABLE own (x int);
SELECT t.check('own rows', t.ids(9) = dts_ddl.last_id()::text, t.ids(9));
ROLLBACK;
