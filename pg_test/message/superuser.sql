-- message.superuser: whether the role whose rights the command had was a superuser; absent when it was not.
CREATE ROLE su_app LOGIN; CREATE ROLE su_boss SUPERUSER; GRANT su_boss TO su_app; CREATE SCHEMA su AUTHORIZATION su_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA t TO su_app;
CREATE FUNCTION su.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$ BEGIN CREATE TABLE su.made (x int); END $$;
CREATE FUNCTION su.mine() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$ BEGIN CREATE TABLE su.made2 (x int); END $$;
ALTER FUNCTION su.mine() OWNER TO su_app;
CREATE FUNCTION t.su(name text) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$ SELECT concat_ws(' ', CASE WHEN username = session_user THEN 'session' ELSE username END, message->'superuser') FROM t.one(name) $$;
SELECT t.mark();
CREATE TABLE a (x int); SELECT t.is('superuser', t.su('superuser'), 'session true');
SELECT su.mine(); SELECT t.is('a SECURITY DEFINER function of an ordinary role', t.su('mine'), 'su_app');
SET ROLE su_app; CREATE TABLE su.r (x int); RESET ROLE; SELECT t.is('SET ROLE', t.su('SET ROLE'), 'su_app');
CREATE TABLE c AS SELECT 1 AS x; SELECT t.is('CREATE TABLE AS', t.su('ctas'), 'session true');
\c - su_app
CREATE TABLE su.a (x int); SELECT t.is('ordinary role', t.su('app'), 'session');
CREATE TABLE su.c AS SELECT 1 AS x; SELECT t.is('CREATE TABLE AS of an ordinary role', t.su('app ctas'), 'session');
SELECT su.definer(); SELECT t.is('a SECURITY DEFINER function of a superuser', (SELECT split_part(t.su('definer'), ' ', 2)), 'true');
SET ROLE su_boss; CREATE TABLE su.b (x int); RESET ROLE; SELECT t.is('SET ROLE to a superuser', t.su('boss'), 'su_boss true');
DROP TABLE su.a; SELECT t.is('DROP', t.su('drop'), 'session');
