-- extension: no
-- From a hand-made PL/pgSQL capture to the extension in one transaction, with no window in which DDL is missed:
-- the old rows are kept, the ids go on.
CREATE TABLE public.dts_ddl_command (ddl_text text, id bigserial PRIMARY KEY, event text, tag text, username varchar, database varchar,
  schema varchar, object_type varchar, object_name varchar, client_address varchar, client_port integer, event_time timestamptz, txid_current varchar(128), message text);
CREATE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO public.dts_ddl_command (ddl_text, event, tag) VALUES (current_query(), tg_event, tg_tag);
END $$;
CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE FUNCTION public.dts_capture_ddl();
CREATE TABLE before_1 (x int);
CREATE TABLE before_2 (x int);
SELECT t.is('captured by hand', (SELECT count(*) FROM public.dts_ddl_command), 2);

BEGIN;
DROP EVENT TRIGGER dts_intercept_ddl;
DROP FUNCTION public.dts_capture_ddl();
CREATE SCHEMA dts_old;
ALTER TABLE public.dts_ddl_command SET SCHEMA dts_old;
CREATE EXTENSION dts_ddl_capture;
SELECT setval('public.dts_ddl_command_id_seq', (SELECT max(id) FROM dts_old.dts_ddl_command));
COMMIT;
CREATE TABLE after_1 (x int);
SELECT t.is('old rows kept', (SELECT string_agg(id::text, ',' ORDER BY id) FROM dts_old.dts_ddl_command), '1,2');
SELECT t.is('ids go on', (SELECT string_agg(id || ' ' || ddl_text, ',' ORDER BY id) FROM public.dts_ddl_command), '3 CREATE TABLE after_1 (x int)');
SELECT t.is('no privileges for others on the new table', (SELECT relacl::text FROM pg_class WHERE oid = 'public.dts_ddl_command'::regclass AND has_table_privilege('public', oid, 'SELECT')), NULL);
