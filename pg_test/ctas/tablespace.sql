-- requires: 15
-- CREATE TABLE AS in a tablespace of its own (in place: 15 and later can make one without a directory).
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE ctas_tablespace LOCATION '';
CREATE TABLE a TABLESPACE ctas_tablespace AS SELECT 1 AS x;
SELECT t.texts('TABLESPACE', 'CREATE TABLE public.a (x integer) TABLESPACE ctas_tablespace');
SET default_tablespace = ctas_tablespace;
CREATE TABLE b AS SELECT 1 AS x;
SELECT t.is('what a setting has chosen it chooses elsewhere', (SELECT ddl_text FROM t.new()), 'CREATE TABLE public.b (x integer)');
SELECT t.is('default_tablespace is in the settings', (SELECT message->'settings'->>'default_tablespace' FROM t.one('setting')), 'ctas_tablespace');
CREATE TABLE c (x int);
SELECT t.texts('an ordinary one stays as written', 'CREATE TABLE c (x int)');
RESET default_tablespace;
DROP TABLE a, b, c;
DROP TABLESPACE ctas_tablespace;
