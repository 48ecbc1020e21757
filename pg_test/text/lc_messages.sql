-- requires-locale: de_DE.utf8 ja_JP.utf8 fr_FR.utf8 es_ES.utf8 zh_CN.utf8 ru_RU.utf8
-- Server messages in another language must change nothing: contexts are read, but never by their wording.
CREATE FUNCTION st() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE a (x int); DROP TABLE a; END $$;
CREATE FUNCTION sq() RETURNS void LANGUAGE sql AS 'CREATE TABLE a (x int); DROP TABLE a';
CREATE FUNCTION dy(s text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE s; END $$;
SELECT t.mark();
ALTER DATABASE :"db" SET lc_messages = :'lc';
\c
SELECT t.is('in another language', current_setting('lc_messages'), :'lc');
SELECT st();
SELECT t.texts('PL/pgSQL static', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT sq();
SELECT t.texts('SQL function', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT dy('SELECT 1; CREATE TABLE a (x int); DROP TABLE a');
SELECT t.texts('EXECUTE', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
DO $$ BEGIN PERFORM sq(); CREATE TABLE a AS SELECT 1 AS x; END $$;
SELECT t.texts('DO', 'CREATE TABLE a (x int)', 'DROP TABLE a', 'CREATE TABLE public.a (x integer)');
DROP TABLE a; DO $$ BEGIN CREATE TABLE b (x int); END $$;
SELECT t.is('nesting level', (SELECT string_agg(message->'nesting'->>'level', ',' ORDER BY n) FROM t.new()), 'top,nested');
