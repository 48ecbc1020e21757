-- Whatever is wrong with the bookkeeping, users' commands go through; they get a WARNING, and the gap is counted.
CREATE ROLE :"role1" LOGIN; CREATE SCHEMA s AUTHORIZATION :"role1";
CREATE FUNCTION t.ddl(n int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE s.t%s (x int)', n); EXECUTE format('DROP TABLE s.t%s', n); RETURN 'went through'; END $$;
SELECT t.mark();
\c - :role1
SET client_min_messages = error;
SELECT t.is('all is well', t.ddl(0), 'went through');
\c - :admin
SET client_min_messages = error;
SELECT t.is('rows', (SELECT count(*)::text FROM t.new()), '2');
ALTER TABLE public.dts_ddl_command RENAME TO renamed; SET ROLE :"role1"; SELECT t.is('table renamed', t.ddl(1), 'went through'); RESET ROLE;
SELECT t.is('gaps (9.4 does not tell whose table is renamed)', dts_ddl_portable.gaps()::text, CASE WHEN :'has95' = 't' THEN '2' ELSE '3' END);
ALTER TABLE renamed RENAME TO dts_ddl_command;
SET session_replication_role = replica;
ALTER TABLE public.dts_ddl_command ADD CONSTRAINT evil CHECK (id < 0) NOT VALID; SET session_replication_role = origin;
SELECT t.is('constraint', t.ddl(2), 'went through');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command DROP CONSTRAINT evil; ALTER TABLE public.dts_ddl_command RENAME message TO msg; SET session_replication_role = origin;
SELECT t.mark(); SELECT t.is('column renamed', t.ddl(3), 'went through'); SELECT t.is('rows are written all the same', (SELECT string_agg(tag || (msg::json ->> 'edition'), ' ' ORDER BY id DESC) FROM (
  SELECT * FROM public.dts_ddl_command ORDER BY id DESC LIMIT 2) r), 'DROP TABLEportable CREATE TABLEportable');
SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME msg TO message; ALTER SEQUENCE public.dts_ddl_command_id_seq MAXVALUE 100000; SELECT setval('public.dts_ddl_command_id_seq', 100000) > 0; SET session_replication_role = origin;
SELECT t.is('ids used up', t.ddl(4), 'went through');
SET session_replication_role = replica; ALTER SEQUENCE public.dts_ddl_command_id_seq NO MAXVALUE; SELECT setval('public.dts_ddl_command_id_seq', 1000) > 0; SET session_replication_role = origin;
SELECT t.is('gaps', dts_ddl_portable.gaps()::text, CASE WHEN :'has95' = 't' THEN '6' ELSE '7' END);
BEGIN; DROP SEQUENCE dts_ddl_portable.gap_count; ALTER TABLE public.dts_ddl_command RENAME TO renamed; SELECT t.is('gaps cannot be counted either', t.ddl(5), 'went through'); ROLLBACK;
BEGIN; DROP FUNCTION dts_ddl_portable.next_statement(text, integer, boolean); SELECT t.is('a helper is missing', t.ddl(6), 'went through'); ROLLBACK;
BEGIN; TRUNCATE dts_ddl_portable.own; SELECT t.is('the table is not known', t.ddl(7), 'went through'); ROLLBACK;
BEGIN; DROP TABLE dts_ddl_portable.note; SELECT t.is('no notes', t.ddl(7), 'went through'); ROLLBACK;
BEGIN; DROP FUNCTION dts_ddl_portable.tell_gap(text, text); ALTER TABLE public.dts_ddl_command RENAME TO renamed; SELECT t.is('what counts is missing', t.ddl(7), 'went through'); ROLLBACK;
BEGIN; DROP VIEW dts_ddl_portable.rows; SELECT t.is('the view is missing', t.ddl(7), 'went through'); ROLLBACK;
ALTER EVENT TRIGGER dts_intercept_caller DISABLE; SELECT t.mark(); SELECT t.is('the caller is not known', t.ddl(8), 'went through'); SELECT t.none('nothing is made up'); ALTER EVENT TRIGGER dts_intercept_caller ENABLE;
\if :has10
-- a publication that cannot be altered
CREATE PUBLICATION dts_sync_y; SELECT t.mark();
ALTER FUNCTION dts_ddl_portable.publish(oid) SECURITY DEFINER; ALTER FUNCTION dts_ddl_portable.publish(oid) OWNER TO :"role1"; SELECT t.mark();
GRANT USAGE ON SCHEMA dts_ddl_portable TO :"role1"; GRANT ALL ON ALL TABLES IN SCHEMA dts_ddl_portable TO :"role1"; GRANT ALL ON ALL SEQUENCES IN SCHEMA dts_ddl_portable TO :"role1";
GRANT ALL ON ALL FUNCTIONS IN SCHEMA dts_ddl_portable TO :"role1"; SELECT t.mark();
CREATE TABLE s.unpublished (x int);
SELECT t.is('not published: flagged with reasons', (SELECT concat(message ->> 'flags', jsonb_array_length(message -> 'not_published')) FROM t.new()), '["not published"]2');
SELECT t.rows('and recorded', 'CREATE TABLE s.unpublished (x int)');
-- what belongs to somebody else is not put right
\set ON_ERROR_STOP 0
\set install `cat sql/portable/install.sql`
:install
SELECT t.is('an object of somebody else', :'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42501 an object in schema "dts_ddl_portable" belongs to another role');
\set ON_ERROR_STOP 1
ALTER FUNCTION dts_ddl_portable.publish(oid) OWNER TO :"admin";
\i sql/portable/install.sql
SELECT t.is('install.sql again is no DDL', (SELECT count(*)::text FROM t.new()), '0');
CREATE TABLE s.published (x int);
SELECT t.is('published', (SELECT message -> 'publications' -> 0 ->> 'publication' FROM t.new()), 'dts_sync_y');
DROP TABLE s.published, s.unpublished;
\endif
DROP OWNED BY :"role1"; DROP ROLE :"role1";
