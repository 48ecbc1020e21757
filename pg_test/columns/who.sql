-- username is the role the command ran as; the session's user is in message.
CREATE ROLE who_owner LOGIN; CREATE ROLE who_app LOGIN; GRANT who_owner TO who_app;
CREATE SCHEMA o AUTHORIZATION who_owner; CREATE SCHEMA a AUTHORIZATION who_app;
GRANT ALL ON SCHEMA o, a TO who_app, who_owner;
SET ROLE who_owner;
CREATE FUNCTION o.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN CREATE TABLE o.by_definer (x int); END $$;
CREATE FUNCTION o.invoker() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE o.by_invoker (x int); END $$;
CREATE FUNCTION o.definer_ctas() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN CREATE TABLE o.by_definer_ctas AS SELECT 1 AS x; END $$;
RESET ROLE;
CREATE FUNCTION t.who() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(username || '/' || (message->>'session_user'), ' ' ORDER BY n) FROM t.new() $$;
SELECT t.mark();
\c - who_app
SET search_path = a;
CREATE TABLE mine (x int);
SELECT o.definer();
SELECT o.invoker();
SELECT o.definer_ctas();
SET ROLE who_owner;
CREATE TABLE o.via_set_role (x int);
RESET ROLE;
CREATE TABLE after_reset (x int);
SELECT t.is('SECURITY DEFINER, SET ROLE', t.who(), 'who_app/who_app who_owner/who_app who_app/who_app who_owner/who_app who_owner/who_app who_app/who_app');
SELECT t.is('and that is who owns the tables', (SELECT string_agg(relowner::regrole::text, ' ' ORDER BY pg_class.oid) FROM pg_class
  WHERE relname IN ('mine', 'by_definer', 'by_invoker', 'by_definer_ctas', 'via_set_role', 'after_reset')), 'who_app who_owner who_app who_owner who_owner who_app');
SELECT t.mark();
\c - :user
SET SESSION AUTHORIZATION who_app;
CREATE TABLE a.via_authorization (x int);
SELECT t.is('SET SESSION AUTHORIZATION', t.who(), 'who_app/who_app');
RESET SESSION AUTHORIZATION;
SELECT t.mark();
CREATE TABLE t.plain (x int)\; SET LOCAL ROLE who_owner\; CREATE TABLE o.local_role (x int)\; RESET ROLE\; DROP TABLE t.plain;
SELECT t.is('SET LOCAL ROLE inside a string', t.who(), format('%1$s/%1$s who_owner/%1$s %1$s/%1$s', :'user'));
SELECT t.mark();
-- a role with a name that needs quotes is stored plainly
CREATE ROLE "who; ""Q""";
GRANT CREATE ON SCHEMA a TO "who; ""Q""";
SELECT t.mark();
SET ROLE "who; ""Q""";
CREATE TABLE a.quoted (x int);
RESET ROLE;
SELECT t.is('quotes', (SELECT username FROM t.one('quotes')), 'who; "Q"');
-- the REFRESH of a materialized view runs as its owner, the command as the caller
CREATE ROLE who_dropped; GRANT who_dropped TO who_app;
