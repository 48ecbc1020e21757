-- Grants on the capture's own objects are the owner's to give, are captured, and are not for replay.
CREATE ROLE own_objects_reader LOGIN;
SELECT t.mark();
GRANT SELECT ON public.dts_ddl_command TO own_objects_reader;
SELECT t.is('captured, not for replay', (SELECT message->>'replay' FROM t.one('grant on the table')), 'false');
GRANT USAGE ON SCHEMA dts_ddl TO own_objects_reader;
SELECT t.is('captured, not for replay', (SELECT message->>'replay' FROM t.one('grant on the schema')), 'false');
GRANT EXECUTE ON FUNCTION dts_ddl.pruned_through() TO own_objects_reader;
SELECT t.is('captured, not for replay', (SELECT message->>'replay' FROM t.one('grant on a function')), 'false');
\c - own_objects_reader
SELECT t.is('the reader reads', (SELECT count(*) FROM public.dts_ddl_command), 3);
SELECT t.is('the reader asks', dts_ddl.pruned_through(), 0);
SELECT t.fails('but does not write', 'DELETE FROM public.dts_ddl_command', '42501');
