-- A user without any grant runs DDL and is captured, and can neither read nor forge nor change nor remove rows.
CREATE ROLE unpriv_app LOGIN;
CREATE SCHEMA app AUTHORIZATION unpriv_app;
SELECT t.texts('setup', 'CREATE SCHEMA app AUTHORIZATION unpriv_app');
\c - unpriv_app
SET search_path = app;
CREATE TABLE orders (id int PRIMARY KEY);
ALTER TABLE orders ADD COLUMN note text;
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE inner_one (x int); END $$;
SELECT f();
SELECT 1 AS a INTO filled;
DROP TABLE filled;
SELECT t.is('captured as the user', (SELECT string_agg(DISTINCT username, ',') FROM t.new()), 'unpriv_app');
SELECT t.texts('all of it', 'CREATE TABLE orders (id int PRIMARY KEY)', 'ALTER TABLE orders ADD COLUMN note text',
  'CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE inner_one (x int); END $$',
  'CREATE TABLE inner_one (x int)', 'CREATE TABLE app.filled (a integer)', 'DROP TABLE filled');
SELECT t.fails('read', 'SELECT * FROM public.dts_ddl_command', '42501');
SELECT t.fails('read a column', 'SELECT ddl_text FROM public.dts_ddl_command', '42501');
SELECT t.fails('forge', $$INSERT INTO public.dts_ddl_command (ddl_text) VALUES ('DROP TABLE x')$$, '42501');
SELECT t.fails('change', $$UPDATE public.dts_ddl_command SET ddl_text = ''$$, '42501');
SELECT t.fails('remove', 'DELETE FROM public.dts_ddl_command', '42501');
SELECT t.fails('truncate', 'TRUNCATE public.dts_ddl_command', '42501');
SELECT t.fails('lock', 'LOCK TABLE public.dts_ddl_command', '42501');
\set ON_ERROR_STOP 0
COPY public.dts_ddl_command TO STDOUT;
\set ON_ERROR_STOP 1
SELECT t.is('copy', :'LAST_ERROR_SQLSTATE', '42501');
SELECT t.fails('alter', 'ALTER TABLE public.dts_ddl_command ADD COLUMN x int', '42501');
SELECT t.fails('drop', 'DROP TABLE public.dts_ddl_command', '42501');
SELECT t.fails('index', 'CREATE INDEX ON public.dts_ddl_command (tag)', '42501');
SELECT t.fails('trigger', 'CREATE TRIGGER x BEFORE INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', '42501');
SELECT t.fails('rule', 'CREATE RULE x AS ON INSERT TO public.dts_ddl_command DO INSTEAD NOTHING', '42501');
SELECT t.fails('policy', 'CREATE POLICY x ON public.dts_ddl_command', '42501');
SELECT t.fails('foreign key', 'CREATE TABLE app.fk (x bigint REFERENCES public.dts_ddl_command)', '42501');
SELECT t.fails('inherit', 'CREATE TABLE app.child () INHERITS (public.dts_ddl_command)', '42501');
SELECT t.fails('sequence', $$SELECT nextval('public.dts_ddl_command_id_seq')$$, '42501');
SELECT t.fails('sequence', $$SELECT setval('public.dts_ddl_command_id_seq', 1)$$, '42501');
SELECT t.fails('sequence', 'SELECT last_value FROM public.dts_ddl_command_id_seq', '42501');
SELECT t.fails('grant', 'GRANT SELECT ON public.dts_ddl_command TO unpriv_app', '42501');
SELECT t.fails('comment', $$COMMENT ON TABLE public.dts_ddl_command IS 'x'$$, '42501');
SELECT t.fails('event trigger off', 'ALTER EVENT TRIGGER dts_intercept_ddl DISABLE', '42501');
SELECT t.fails('drop the extension', 'DROP EXTENSION dts_ddl_capture', '42501');
SELECT t.fails('prune', 'SELECT dts_ddl.prune()', '42501');
SELECT t.fails('gaps', 'SELECT dts_ddl.gaps()', '42501');
SELECT t.fails('pruned_through', 'SELECT dts_ddl.pruned_through()', '42501');
SELECT t.fails('statement_tags', $$SELECT dts_ddl.statement_tags('x')$$, '42501');
SELECT t.fails('call the function', 'SELECT public.dts_capture_ddl()', '42501');
SELECT t.fails('an event trigger of its own over our function',
  'CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION public.dts_capture_ddl()', '42501');
SELECT t.fails('replication role', 'SET session_replication_role = replica', '42501');
SELECT t.none('none of that left a row');
DROP TABLE orders;
SELECT t.texts('DROP by the user', 'DROP TABLE orders');

-- The same in a session that was started as somebody else.
\c - :user
SET ROLE unpriv_app;
CREATE TABLE app.via_set_role (x int);
SELECT t.is('SET ROLE', (SELECT username || ' ' || (message->>'session_user') FROM t.new()), 'unpriv_app ' || :'user');
SELECT t.fails('read', 'SELECT * FROM public.dts_ddl_command', '42501');
