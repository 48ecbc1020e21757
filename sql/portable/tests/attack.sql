-- An unprivileged role plants everything that capture could call by an unqualified name, forges the settings by which the functions
-- tell each other things, and calls the functions itself.
\if :has95
\set rows_are_true 'CREATE TABLE portable_r1 mallory,ALTER TABLE portable_r1 mallory,COMMENT portable_r1 mallory,CREATE TABLE portable_r1 mallory,GRANT portable_r1 mallory,DROP TABLE portable_r1 mallory,CREATE TABLE portable_r1 mallory,DROP TABLE portable_r1 mallory'
\else
\set rows_are_true 'CREATE TABLE portable_r1 mallory,ALTER TABLE portable_r1 mallory,CREATE TABLE AS portable_r1 mallory,DROP TABLE portable_r1 mallory,CREATE TABLE portable_r1 mallory,DROP TABLE portable_r1 mallory'
\endif
CREATE ROLE :"role1" LOGIN; CREATE SCHEMA mallory AUTHORIZATION :"role1"; GRANT TEMPORARY ON DATABASE :"db" TO :"role1";
\if :has10
CREATE PUBLICATION dts_sync_x;
\endif
SELECT t.mark();
\c - :role1
SET client_min_messages = warning;
SET search_path = mallory, pg_catalog;
CREATE TABLE mallory.ran (what text, who text);
GRANT INSERT ON mallory.ran TO PUBLIC; GRANT USAGE ON SCHEMA mallory TO PUBLIC;
CREATE FUNCTION mallory.hit(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mallory.ran VALUES (what, current_user);
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN ALTER ROLE portable_r1 SUPERUSER; END IF;
END $$;
DO $do$
DECLARE f text; o text;
BEGIN
  FOREACH f IN ARRAY ARRAY['current_query() RETURNS text', 'current_database() RETURNS name', 'current_schemas(boolean) RETURNS name[]', 'clock_timestamp() RETURNS timestamptz',
      'txid_current() RETURNS bigint', 'inet_client_addr() RETURNS inet', 'inet_client_port() RETURNS int', 'nextval(regclass) RETURNS bigint', 'setval(regclass, bigint) RETURNS bigint',
      'currval(regclass) RETURNS bigint', 'quote_ident(text) RETURNS text', 'set_config(text, text, boolean) RETURNS text', 'current_setting(text) RETURNS text',
      'current_setting(text, boolean) RETURNS text', 'json_build_object(VARIADIC "any") RETURNS json', 'to_json(text) RETURNS json', 'strpos(text, text) RETURNS int', 'substr(text, int) RETURNS text', 'substr(text, int, int) RETURNS text',
      'length(text) RETURNS int', 'left(text, int) RETURNS text', 'upper(text) RETURNS text', 'lower(text) RETURNS text', 'md5(text) RETURNS text', 'pg_try_advisory_xact_lock(int, int) RETURNS boolean',
      'array_length(anyarray, int) RETURNS int', 'host(inet) RETURNS text', 'format_type(oid, int) RETURNS text', 'next_statement(text, int, boolean) RETURNS text'] LOOP
    CONTINUE WHEN f LIKE '%"any"%';
    EXECUTE 'CREATE FUNCTION mallory.' || f || ' LANGUAGE plpgsql AS $f$ BEGIN PERFORM mallory.hit(' || quote_literal(f) || '); RETURN NULL; END $f$';
    EXECUTE 'CREATE FUNCTION pg_temp.' || f || ' LANGUAGE plpgsql AS $f$ BEGIN PERFORM mallory.hit(' || quote_literal(f) || '); RETURN NULL; END $f$';
  END LOOP;
  FOREACH f IN ARRAY ARRAY['text', 'name', 'oid', 'bigint', 'integer', '"char"', 'boolean'] LOOP
    EXECUTE format('CREATE FUNCTION mallory.op(%s, %1$s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN PERFORM mallory.hit(%L); RETURN true; END $f$', f, 'operator of ' || f);
    FOREACH o IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '~~', '~', '||', '+', '-'] LOOP
      EXECUTE format('CREATE OPERATOR mallory.%s (LEFTARG = %s, RIGHTARG = %2$s, PROCEDURE = mallory.op)', o, f);
    END LOOP;
  END LOOP;
END $do$;
CREATE TABLE mallory.dts_ddl_command (ddl_text text, id bigint); CREATE TABLE mallory.pg_class (x int); CREATE TABLE mallory.pg_publication (pubname name); CREATE TABLE mallory.own (secret text);
CREATE DOMAIN mallory.text AS pg_catalog.text; CREATE DOMAIN mallory.json AS pg_catalog.json; CREATE DOMAIN mallory.varchar AS pg_catalog.text;
CREATE TEMP TABLE pg_class (x int); CREATE TEMP TABLE pg_event_trigger (x int); CREATE TEMP TABLE dts_ddl_command (x int); CREATE TEMP TABLE own (secret pg_catalog.text);
SELECT t.mark();
TRUNCATE mallory.ran;
SET search_path = mallory, pg_temp, pg_catalog;
CREATE TABLE mallory.victim (id int PRIMARY KEY, v pg_catalog.text)\; ALTER TABLE mallory.victim ADD w int\; SELECT 1\; COMMENT ON TABLE mallory.victim IS 'x';
CREATE TABLE mallory.made AS SELECT 1 AS a; GRANT SELECT ON mallory.victim TO PUBLIC; DROP TABLE mallory.victim, mallory.made CASCADE;
DO $$ BEGIN EXECUTE 'CREATE TABLE mallory.nested (a int); DROP TABLE mallory.nested'; END $$;
SELECT t.is('nothing planted ran', (SELECT pg_catalog.string_agg(what, ',') FROM mallory.ran), NULL);
SELECT t.is('no superuser', (SELECT rolsuper::pg_catalog.text FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'portable_r1'), 'false');
SELECT t.is('rows are true', (SELECT pg_catalog.string_agg(concat_ws(' ', tag, username, schema), ',' ORDER BY id) FROM t.new()),
  :'rows_are_true');
SELECT t.mark();

-- forged settings: to be another role, to have dropped things, to hide a command
SET search_path = mallory;
SET dts_ddl_portable.caller = '{"user":"postgres","path":["pg_catalog"]}'; SET dts_ddl_portable.state = 'busy'; SET dts_ddl_portable.take_over = 'on';
CREATE TABLE forged1 (x int);
SET dts_ddl_portable.state = '[{"type":"table","identity":"public.forged","original":true,"temporary":false}]';
CREATE FUNCTION forge() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('dts_ddl_portable.caller', '{"user":"postgres","path":["pg_catalog"]}', true), set_config('dts_ddl_portable.state', 'busy', true); RETURN 1; END $$;
CREATE TABLE forged2 AS SELECT forge() AS x;
SELECT t.is('forged settings', (SELECT string_agg(concat_ws(' ', tag, username, schema, object_name), ', ' ORDER BY id) FROM t.new()),
  CASE WHEN :'has95' = 't' THEN 'CREATE TABLE portable_r1 mallory mallory.forged1, CREATE FUNCTION portable_r1 mallory mallory.forge(), CREATE TABLE portable_r1 mallory mallory.forged2'
    ELSE 'CREATE TABLE portable_r1 mallory, CREATE FUNCTION portable_r1 mallory, CREATE TABLE AS portable_r1 mallory' END);
SELECT t.is('nothing forged among the objects', (SELECT string_agg(message ->> 'objects', '') FROM t.new() WHERE message ->> 'objects' LIKE '%public.forged%'), NULL);
SELECT t.mark();
-- nobody can call the functions or write to the table
CREATE FUNCTION t_refused(sql pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'done'; EXCEPTION WHEN insufficient_privilege THEN RETURN 'refused'; END $$;
SELECT t.is(c, t_refused(c), 'refused') FROM unnest(ARRAY['INSERT INTO public.dts_ddl_command (ddl_text) VALUES (1)', 'SELECT dts_ddl_portable.publish(1)', 'SELECT * FROM dts_ddl_portable.own',
  'INSERT INTO dts_ddl_portable.note VALUES (1, txid_current(), 0, ''own command'')', 'DELETE FROM dts_ddl_portable.note', 'SELECT * FROM dts_ddl_portable.places', 'SELECT * FROM dts_ddl_portable.rows',
  'SELECT setval(''dts_ddl_portable.newest'', 0)', 'SELECT dts_ddl_portable.add_note(''extension'', NULL, '''', NULL)', 'SELECT dts_ddl_portable.tell_gap(''x'', ''y'')',
  'SELECT dts_ddl_portable.prune(1)', 'SELECT dts_ddl_portable.gaps()', 'SELECT setval(''dts_ddl_portable.place'', 1)', 'CREATE EVENT TRIGGER evil ON ddl_command_end EXECUTE PROCEDURE public.dts_capture_ddl()',
  'SELECT nextval(''public.dts_ddl_command_id_seq'')']) c;
-- settings of a user that change how the functions' own texts are read
SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET backslash_quote = off; SET DateStyle = 'SQL, DMY'; SET extra_float_digits = -15; SET transform_null_equals = on; SET array_nulls = off;
SELECT t.mark();
CREATE TABLE settings1 (a int); CREATE TABLE settings2 AS SELECT 1 AS a; DROP TABLE settings1;
RESET ALL;
SELECT t.rows('settings', 'CREATE TABLE settings1 (a int)', CASE WHEN :'has95' = 't' THEN 'CREATE TABLE mallory.settings2 (a integer)' ELSE 'CREATE TABLE settings2 AS SELECT 1 AS a' END, 'DROP TABLE settings1');

-- text that a user writes and that looks like something else: every one of these has its row
\c - :admin
GRANT CREATE ON SCHEMA public TO :"role1"; GRANT CREATE ON DATABASE :"db" TO :"role1"; SELECT t.mark();
\c - :role1
SET client_min_messages = warning; SET search_path = mallory;
CREATE TABLE h (id int PRIMARY KEY, v text); CREATE TABLE pk (id int NOT NULL, v text);
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end'; CREATE TRIGGER "DROP IF EXISTS x" BEFORE INSERT ON h FOR EACH ROW EXECUTE PROCEDURE trg();
CREATE TYPE "e ADD VALUE IF NOT EXISTS f" AS ENUM ('a'); CREATE TEMP TABLE "all" (x int); CREATE TEMP TABLE h2 (x int); CREATE TABLE mallory.h2 (x int);
SELECT t.mark();
ALTER TABLE h DROP CONSTRAINT IF EXISTS nope, DISABLE TRIGGER "DROP IF EXISTS x";
ALTER TABLE h DISABLE TRIGGER "DROP IF EXISTS x";
ALTER TYPE "e ADD VALUE IF NOT EXISTS f" RENAME TO " ADD VALUE IF NOT EXISTS ";
GRANT ALL ON mallory.h /* ON public.dts_ddl_command */ TO PUBLIC;
GRANT ALL ON mallory.h -- ON public.dts_ddl_command
TO PUBLIC;
GRANT ALL ON SCHEMA mallory /* ON SCHEMA dts_ddl_portable */ TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA mallory TO PUBLIC;
GRANT SELECT ON h2, mallory.h2 TO PUBLIC;
CREATE TABLE public.dts_ddl_commands_of_mine (x int);
CREATE VIEW public."dts_ddl_command on public.dts_ddl_command" AS SELECT 1 AS x;
CREATE INDEX ON public.dts_ddl_commands_of_mine (x);
DROP VIEW public."dts_ddl_command on public.dts_ddl_command";
DROP TABLE public.dts_ddl_commands_of_mine;
CREATE TABLE mallory.dts_ddl_portable (x int); CREATE TABLE mallory."public.dts_ddl_command" (x int);
CREATE SCHEMA pgxtemp; CREATE TABLE pgxtemp.hidden (x int); CREATE VIEW pgxtemp.pg_toast AS SELECT 1 AS x; DROP TABLE pgxtemp.hidden; DROP SCHEMA pgxtemp CASCADE;
CREATE SCHEMA pgxtoast; CREATE TABLE pgxtoast.hidden (x int); DROP TABLE pgxtoast.hidden;
SELECT t.rows('what looks like something else', 'ALTER TABLE h DROP CONSTRAINT IF EXISTS nope, DISABLE TRIGGER "DROP IF EXISTS x"', 'ALTER TABLE h DISABLE TRIGGER "DROP IF EXISTS x"',
  'ALTER TYPE "e ADD VALUE IF NOT EXISTS f" RENAME TO " ADD VALUE IF NOT EXISTS "', 'GRANT ALL ON mallory.h /* ON public.dts_ddl_command */ TO PUBLIC',
  E'GRANT ALL ON mallory.h -- ON public.dts_ddl_command\nTO PUBLIC', 'GRANT ALL ON SCHEMA mallory /* ON SCHEMA dts_ddl_portable */ TO PUBLIC', 'GRANT ALL ON ALL TABLES IN SCHEMA mallory TO PUBLIC',
  'GRANT SELECT ON h2, mallory.h2 TO PUBLIC', 'CREATE TABLE public.dts_ddl_commands_of_mine (x int)', 'CREATE VIEW public."dts_ddl_command on public.dts_ddl_command" AS SELECT 1 AS x',
  'CREATE INDEX ON public.dts_ddl_commands_of_mine (x)', 'DROP VIEW public."dts_ddl_command on public.dts_ddl_command"', 'DROP TABLE public.dts_ddl_commands_of_mine',
  'CREATE TABLE mallory.dts_ddl_portable (x int)', 'CREATE TABLE mallory."public.dts_ddl_command" (x int)',
  'CREATE SCHEMA pgxtemp', 'CREATE TABLE pgxtemp.hidden (x int)', 'CREATE VIEW pgxtemp.pg_toast AS SELECT 1 AS x', 'DROP TABLE pgxtemp.hidden', 'DROP SCHEMA pgxtemp CASCADE',
  'CREATE SCHEMA pgxtoast', 'CREATE TABLE pgxtoast.hidden (x int)', 'DROP TABLE pgxtoast.hidden');
CREATE EXTENSION IF NOT EXISTS plpgsql\; DISCARD SEQUENCES\; CREATE TABLE not_of_a_script (x int)\; DROP TABLE not_of_a_script;
\if :has95
SELECT t.rows('not of the script of an extension', 'CREATE TABLE not_of_a_script (x int)', 'DROP TABLE not_of_a_script');
\else
-- (9.4 does not tell that CREATE EXTENSION did nothing)
SELECT t.is('not of the script of an extension', (SELECT count(*)::text FROM t.new() WHERE ddl_text ~ '^(CREATE|DROP) TABLE not_of_a_script'), '2');
SELECT t.mark();
\endif
-- the name of a sequence of ours, an operator, a publication that everybody would have to wait for
CREATE TABLE public.dts_ddl_command_id_seq1 (x int); DROP TABLE public.dts_ddl_command_id_seq1;
SELECT t.rows('names beside ours', 'CREATE TABLE public.dts_ddl_command_id_seq1 (x int)', 'DROP TABLE public.dts_ddl_command_id_seq1');

-- a function that has the name of ours, but not its arguments
CREATE FUNCTION public.dts_capture_ddl(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION public.dts_capture_ddl(int) TO PUBLIC;
REVOKE ALL ON FUNCTION public.dts_capture_ddl(int) FROM PUBLIC; DROP FUNCTION public.dts_capture_ddl(int);
SELECT t.rows('a function named like ours', 'CREATE FUNCTION public.dts_capture_ddl(a int) RETURNS int LANGUAGE sql AS ''SELECT 1''', 'GRANT EXECUTE ON FUNCTION public.dts_capture_ddl(int) TO PUBLIC',
  'REVOKE ALL ON FUNCTION public.dts_capture_ddl(int) FROM PUBLIC', 'DROP FUNCTION public.dts_capture_ddl(int)');

-- Near the stack's limit, where functions begin to fail one after the other: a command that went through has a row or is counted.
CREATE FUNCTION rec(n int, cmd text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN IF n <= 0 THEN EXECUTE cmd; ELSE PERFORM mallory.rec(n - 1, cmd); END IF; END $$;
CREATE FUNCTION depth() RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int := 0; s int := 4096; BEGIN
  WHILE s > 0 LOOP BEGIN PERFORM mallory.rec(n + s, 'SELECT 1'); n := n + s; EXCEPTION WHEN OTHERS THEN NULL; END; s := s / 2; END LOOP; RETURN n; END $$;
CREATE TABLE went (i int, what text, ok boolean, state text); GRANT SELECT ON went TO PUBLIC;
SELECT format('CREATE TABLE mallory.hid_%s (x int, y int); CREATE TABLE mallory.col_%1$s (x int, y int);', g) FROM generate_series(0, 80) g \gexec
SELECT t.mark(); SET client_min_messages = error;
CREATE FUNCTION try(d int) RETURNS void LANGUAGE plpgsql AS $$ DECLARE w text; f text; BEGIN
  FOR i IN 0 .. 80 LOOP
    FOREACH f IN ARRAY ARRAY['DROP TABLE mallory.hid_%s', 'ALTER TABLE mallory.col_%s DROP COLUMN y', 'CREATE TABLE mallory.new_%s (x int)', 'DROP TABLE IF EXISTS mallory.not_there_%s'] LOOP
      CONTINUE WHEN f LIKE '%not_there%' AND i % 10 <> 0;
      w := format(f, i);
      BEGIN
        PERFORM mallory.rec(d - i, w);
        INSERT INTO mallory.went VALUES (i, w, true, coalesce(t.setting('dts_ddl_portable.state'), '') || coalesce(t.setting('dts_ddl_portable.places'), ''));
      EXCEPTION WHEN OTHERS THEN
        INSERT INTO mallory.went VALUES (i, w, false, coalesce(t.setting('dts_ddl_portable.state'), '') || coalesce(t.setting('dts_ddl_portable.places'), ''));
      END;
    END LOOP;
  END LOOP; END $$;
SELECT t.mark();
\c - :admin
SELECT dts_ddl_portable.gaps() AS gaps \gset
-- a smaller one is sooner at its end
ALTER ROLE :"role1" SET max_stack_depth = '500kB';
\c - :role1
SET client_min_messages = error;
SELECT mallory.depth() AS depth \gset
SELECT mallory.try(:depth);
SELECT t.is('the limit was near', (bool_or(ok) AND NOT bool_and(ok))::text, 'true') FROM mallory.went;
\c - :admin
ALTER ROLE :"role1" RESET max_stack_depth;
SELECT t.is('a row or a gap', ((SELECT count(*) FROM mallory.went w WHERE w.ok AND w.what NOT LIKE '%not_there%' AND NOT EXISTS (SELECT 1 FROM t.new() n WHERE n.ddl_text = w.what OR n.ddl_text LIKE '%rec(%'))
  <= dts_ddl_portable.gaps() - :gaps)::text, 'true');
SELECT t.is('no row for nothing', (SELECT count(*)::text FROM t.new() n WHERE n.ddl_text LIKE '%not\_there%'), '0');
SELECT t.is('whose they are', (SELECT string_agg(DISTINCT username, ',') FROM t.new()), 'portable_r1');
SELECT t.is('objects are those of the command', (SELECT string_agg(n.ddl_text, '; ') FROM t.new() n, jsonb_array_elements(n.message -> 'objects') o
  WHERE n.ddl_text LIKE 'DROP TABLE%' AND o ->> 'type' = 'table' AND 'DROP TABLE ' || (o ->> 'identity') <> n.ddl_text), NULL);
SELECT t.is('nothing is left for users to read', (SELECT string_agg(DISTINCT state, ' ') FROM mallory.went WHERE state <> ''), NULL);
SELECT t.is('no note is left', (SELECT count(*)::text FROM dts_ddl_portable.note), '0');
SELECT t.mark();
\c - :role1
SET client_min_messages = error; SET search_path = mallory;
CREATE TABLE hidden_for_good (x int); GRANT ALL ON hidden_for_good TO PUBLIC; DROP TABLE hidden_for_good;
SELECT t.rows('afterwards', 'CREATE TABLE hidden_for_good (x int)', 'GRANT ALL ON hidden_for_good TO PUBLIC', 'DROP TABLE hidden_for_good');

-- a command that makes its own transaction READ ONLY, when no row can be written and no gap be counted any more
CREATE FUNCTION read_only() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('transaction_read_only', 'on', true); RETURN 1; END $$;
CREATE FUNCTION tried(sql text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'went through'; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
CREATE TABLE ro (x int); INSERT INTO ro VALUES (1); SELECT t.mark();
SELECT t.is(c, tried(c), '25006') FROM unnest(ARRAY['CREATE TABLE ro2 AS SELECT read_only() AS x', 'ALTER TABLE ro ADD CHECK (read_only() = 1)', 'ALTER TABLE ro ADD y int DEFAULT read_only(), DROP COLUMN x']) c;
SELECT t.none('it did not');
-- waiting is given up
\c - :admin
SELECT dts_ddl_portable.gaps() AS gaps \gset

-- whoever may drop the table (the owner of its schema) and puts his own in its place, has nothing run in the name of the owner
CREATE ROLE :"role2" LOGIN; GRANT :"role1" TO :"role2"; ALTER SCHEMA public OWNER TO :"role2"; GRANT CREATE ON DATABASE :"db" TO :"role2";
SELECT t.mark();
\c - :role2
SET client_min_messages = error;
ALTER SCHEMA public RENAME TO old; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE TABLE public.got (who text); GRANT INSERT ON public.got TO PUBLIC;
CREATE FUNCTION public.evil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.got VALUES (current_user); RETURN NEW; END';
CREATE FUNCTION public.probe() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.got VALUES (current_user); RETURN 1; END';
CREATE TABLE public.dts_ddl_command (ddl_text text, id bigint DEFAULT public.probe(), event text, tag text, username varchar, database varchar, schema varchar, object_type varchar, object_name varchar,
  client_address varchar, client_port integer, event_time timestamptz, txid_current varchar(128), message text);
CREATE TRIGGER evil BEFORE INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE PROCEDURE public.evil();
GRANT ALL ON public.dts_ddl_command TO PUBLIC;
\c - :admin
SET client_min_messages = error;
CREATE TABLE t.by_admin (x int); DROP TABLE t.by_admin;
SELECT t.is('nothing planted ran', (SELECT string_agg(who, ',') FROM public.got), NULL);
SELECT t.is('not recorded where nobody looks, but counted', (dts_ddl_portable.gaps() - :gaps >= 2)::text || (SELECT count(*) FROM old.dts_ddl_command WHERE ddl_text LIKE '%by_admin%'), 'true0');
\set ON_ERROR_STOP 0
\set install `cat sql/portable/install.sql`
:install
SELECT t.is('install.sql does not take it', :'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '42809 relation "public.dts_ddl_command" is not the capture table');
DROP TABLE public.dts_ddl_command; CREATE VIEW public.dts_ddl_command AS SELECT public.probe() AS id, 'x'::text AS ddl_text;
:install
SELECT t.is('nor a view', :'LAST_ERROR_MESSAGE', 'relation "public.dts_ddl_command" is not the capture table');
\set ON_ERROR_STOP 1
CREATE TABLE t.by_admin (x int); DROP TABLE t.by_admin;
SELECT t.is('nothing planted ran', (SELECT string_agg(who, ',') FROM public.got), NULL);
DROP SCHEMA public CASCADE; ALTER SCHEMA old RENAME TO public; SELECT t.mark();
CREATE TABLE t.by_admin (x int); DROP TABLE t.by_admin;
SELECT t.rows('and now the real one is back', 'CREATE TABLE t.by_admin (x int)', 'DROP TABLE t.by_admin');
-- the owner of the schema may drop the function, too, and with it goes the event trigger: that command and all that follow are counted
ALTER TABLE t.state OWNER TO :"admin"; SELECT dts_ddl_portable.gaps() AS gaps \gset
\c - :role2
SET client_min_messages = error;
DROP FUNCTION public.dts_capture_ddl() CASCADE; CREATE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
\c - :admin
SELECT t.is('no event trigger: counted', (dts_ddl_portable.gaps() - :gaps)::text, '2');
SET client_min_messages = error; DROP FUNCTION public.dts_capture_ddl();
SELECT t.is('no event trigger: still counted', (dts_ddl_portable.gaps() - :gaps > 2)::text, 'true');
SELECT t.is('no note is left of it', (SELECT count(*)::text FROM dts_ddl_portable.note), '0');
\i sql/portable/install.sql
SELECT t.mark(); CREATE TABLE t.by_admin (x int); DROP TABLE t.by_admin;
SELECT t.rows('put in order', 'CREATE TABLE t.by_admin (x int)', 'DROP TABLE t.by_admin');
-- the owner of the schema drops the table
\c - :role2
SET client_min_messages = error;
DROP TABLE public.dts_ddl_command CASCADE; CREATE TABLE public.got (who text); GRANT INSERT ON public.got TO PUBLIC;
CREATE FUNCTION public.probe() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.got VALUES (current_user); RETURN 1; END';
CREATE TABLE public.dts_ddl_command (ddl_text text, id bigint DEFAULT public.probe(), event text, tag text, username varchar, database varchar, schema varchar, object_type varchar, object_name varchar,
  client_address varchar, client_port integer, event_time timestamptz, txid_current varchar(128), message text); GRANT ALL ON public.dts_ddl_command TO PUBLIC;
\c - :admin
SET client_min_messages = error;
CREATE TABLE t.by_admin (x int); DROP TABLE t.by_admin;
SELECT t.is('nothing planted ran', (SELECT string_agg(who, ',') FROM public.got), NULL);
DROP TABLE public.dts_ddl_command;
\i sql/portable/install.sql
TRUNCATE t.state; INSERT INTO t.state VALUES (0);
CREATE TABLE t.by_admin (x int); DROP TABLE t.by_admin;
SELECT t.rows('made anew', 'CREATE TABLE t.by_admin (x int)', 'DROP TABLE t.by_admin');
SET client_min_messages = error; ALTER SCHEMA public OWNER TO :"admin";
DROP OWNED BY :"role1", :"role2" CASCADE; DROP ROLE :"role1", :"role2";
