-- install: no
-- Somebody has put something in the place of what is taken over: nothing of it runs, and nothing of it is taken.
CREATE ROLE :"role1" LOGIN; GRANT ALL ON SCHEMA public TO :"role1"; GRANT CREATE ON DATABASE :"db" TO :"role1";
CREATE TABLE t.ran (who text); GRANT INSERT ON t.ran TO PUBLIC;
CREATE TABLE t.cases (name text, made text, unmade text, state text, detail text);
INSERT INTO t.cases VALUES
 ('view', 'CREATE VIEW public.dts_ddl_command AS SELECT public.probe() AS id, ''x''::text AS ddl_text', 'DROP VIEW public.dts_ddl_command', '42809', '%no ordinary table%'),
 ('materialized view', 'CREATE MATERIALIZED VIEW public.dts_ddl_command AS SELECT 1::bigint AS id', 'DROP MATERIALIZED VIEW public.dts_ddl_command', '42809', '%no ordinary table%'),
 ('sequence', 'CREATE SEQUENCE public.dts_ddl_command', 'DROP SEQUENCE public.dts_ddl_command', '42809', '%no ordinary table%'),
 ('composite type', 'CREATE TYPE public.dts_ddl_command AS (id bigint)', 'DROP TYPE public.dts_ddl_command', '42809', '%no ordinary table%'),
 ('index', 'CREATE TABLE public.other (id bigint); CREATE INDEX dts_ddl_command ON public.other (id)', 'DROP TABLE public.other', '42809', '%no ordinary table%'),
 ('table', 'CREATE TABLE public.dts_ddl_command (id bigint, x text); CREATE INDEX ON public.dts_ddl_command (public.same(id))', 'DROP TABLE public.dts_ddl_command', '42501', '%belongs to portable_r1%'),
 ('view by rule', 'CREATE TABLE public.dts_ddl_command (id bigint); CREATE RULE r AS ON INSERT TO public.dts_ddl_command DO ALSO SELECT public.probe()', 'DROP TABLE public.dts_ddl_command', '42501', '%belongs to portable_r1%'),
 ('names of its sequence', 'CREATE SEQUENCE public.dts_ddl_command_id_seq', 'DROP SEQUENCE public.dts_ddl_command_id_seq', '42P07', '%portable_r1%'),
 ('names of its key', 'CREATE VIEW public.dts_ddl_command_pkey AS SELECT public.probe()', 'DROP VIEW public.dts_ddl_command_pkey', '42P07', '%portable_r1%'),
 ('foreign schema', 'CREATE SCHEMA dts_ddl_portable; CREATE TABLE dts_ddl_portable.own (version text, relation regclass);
   CREATE TRIGGER evil BEFORE UPDATE ON dts_ddl_portable.own FOR EACH STATEMENT EXECUTE PROCEDURE public.evil()', 'DROP SCHEMA dts_ddl_portable CASCADE', '42501', '%belongs neither to postgres nor to a superuser%');
\if :has10
INSERT INTO t.cases VALUES
 ('partitioned table', 'CREATE TABLE public.dts_ddl_command (id bigint) PARTITION BY RANGE (id)', 'DROP TABLE public.dts_ddl_command', '42809', '%no ordinary table%');
\endif
\if :has95
INSERT INTO t.cases VALUES
 ('table with a policy', 'CREATE TABLE public.dts_ddl_command (id bigint); ALTER TABLE public.dts_ddl_command ENABLE ROW LEVEL SECURITY; ALTER TABLE public.dts_ddl_command FORCE ROW LEVEL SECURITY;
   CREATE POLICY p ON public.dts_ddl_command USING (public.probe() > 0)', 'DROP TABLE public.dts_ddl_command', '42501', '%belongs to portable_r1%');
\endif
GRANT SELECT ON t.cases TO PUBLIC;
\set install `cat sql/portable/install.sql`
CREATE TABLE t.script (body text); INSERT INTO t.script VALUES (:'install');
-- what a script says, with everything that it has done undone
CREATE FUNCTION t.refused(script text) RETURNS text LANGUAGE plpgsql SET client_min_messages = error AS $$ DECLARE d text; BEGIN
  EXECUTE script; RAISE EXCEPTION 'went through';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL; RETURN SQLSTATE || ' ' || SQLERRM || ' ' || d; END $$;
\c - :role1
SET client_min_messages = warning;
CREATE FUNCTION public.probe() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO t.ran VALUES (current_user); RETURN 1; END';
CREATE FUNCTION public.same(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.probe(); RETURN $1; END';
CREATE FUNCTION public.evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.probe(); RETURN NEW; END';
\c - :admin
CREATE FUNCTION t.try(script text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE c record; got text; BEGIN
  FOR c IN SELECT * FROM t.cases LOOP
    SET LOCAL ROLE portable_r1; EXECUTE c.made; RESET ROLE; DELETE FROM t.ran;
    got := t.refused(script);
    PERFORM t.is(c.name || ': refused', (got LIKE c.state || ' ' || c.detail)::text || CASE WHEN got NOT LIKE c.state || ' ' || c.detail THEN got ELSE '' END, 'true');
    PERFORM t.is(c.name || ': nothing of it ran', (SELECT string_agg(who, ',') FROM t.ran), NULL);
    SET LOCAL ROLE portable_r1; EXECUTE c.unmade; RESET ROLE;
  END LOOP;
  RETURN 'ok'; END $$;
SET client_min_messages = error; SET dts_ddl_portable.take_over = 'on';
SELECT t.try(body) FROM t.script;
-- of the right owner, but with something in it that reading it would run; children of somebody else's making are not read
CREATE TABLE public.dts_ddl_command (id bigint, x text); CREATE INDEX ON public.dts_ddl_command (public.same(id));
SELECT t.is('an index with an expression', t.refused(body), '55000 cannot take over from "public.dts_ddl_command" It has an index with an expression or a condition.') FROM t.script;
DROP TABLE public.dts_ddl_command; CREATE TABLE public.dts_ddl_command (x text);
SELECT t.is('no id', t.refused(body), '55000 cannot take over from "public.dts_ddl_command" It has no column "id" of type bigint or integer.') FROM t.script;
DROP TABLE public.dts_ddl_command; CREATE TABLE public.dts_ddl_command (id serial, x text); INSERT INTO public.dts_ddl_command (x) VALUES ('kept'), ('seen and gone'); DELETE FROM public.dts_ddl_command WHERE id = 2;
CREATE TABLE public.child () INHERITS (public.dts_ddl_command); INSERT INTO public.child (id) VALUES (1000000); ALTER TABLE public.child OWNER TO :"role1";
CREATE TABLE t.by_hand AS SELECT 1 AS x;
SET quote_all_identifiers = on;
:install
RESET quote_all_identifiers;
SELECT t.is('taken over', (SELECT string_agg(x, ',') FROM dts_old.dts_ddl_command), 'kept');
CREATE TABLE t.after (x int);
SELECT t.is('children are not looked at', (SELECT string_agg(id || ddl_text, ',') FROM public.dts_ddl_command), '3CREATE TABLE t.after (x int)');
-- a function in the place of ours, while it is missing
SET session_replication_role = replica; DROP FUNCTION public.dts_capture_ddl() CASCADE; RESET session_replication_role;
SET ROLE :"role1"; CREATE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.probe(); END'; RESET ROLE;
SELECT t.is('a function of somebody else', t.refused(body), '42501 function public.dts_capture_ddl() belongs to another role ') FROM t.script;
SET ROLE :"role1"; DROP FUNCTION public.dts_capture_ddl(); RESET ROLE;
:install
DROP TABLE t.after; SELECT t.is('and again', (SELECT ddl_text FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1), 'DROP TABLE t.after');
\i sql/portable/uninstall.sql
-- what others have made in the name of ours stays
SET ROLE :"role1"; CREATE VIEW public.dts_ddl_command AS SELECT public.probe(); RESET ROLE;
\set ON_ERROR_STOP 0
\i sql/portable/uninstall.sql
\set ON_ERROR_STOP 1
SELECT t.is('nothing ran in the end', (SELECT string_agg(who, ',') FROM t.ran), NULL);
DROP OWNED BY :"role1" CASCADE; DROP ROLE :"role1";
