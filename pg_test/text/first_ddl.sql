-- The first DDL of a session loads the library while the statement is already running: at top level and nested in every way.
CREATE FUNCTION st() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE a (x int); DROP TABLE a; END $$;
CREATE FUNCTION dy(s text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE s; END $$;
CREATE FUNCTION sq() RETURNS void LANGUAGE sql AS 'CREATE TABLE a (x int); DROP TABLE a';
CREATE FUNCTION sq2() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; /* third */ CREATE TABLE a (x int) /* done */; DROP TABLE a; SELECT 3 $$;
CREATE FUNCTION deep(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN IF n = 0 THEN PERFORM sq(); ELSE PERFORM deep(n - 1); END IF; END $$;
CREATE FUNCTION caught() RETURNS void LANGUAGE plpgsql AS $$ BEGIN BEGIN CREATE TABLE a (x int); PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END; CREATE TABLE a (x int); DROP TABLE a; END $$;
CREATE PROCEDURE pr() LANGUAGE plpgsql AS $$ BEGIN COMMIT; CREATE TABLE a (x int); COMMIT; DROP TABLE a; END $$;
CREATE FUNCTION ctas() RETURNS void LANGUAGE plpgsql AS $$ DECLARE v int := 3; BEGIN CREATE TABLE a AS SELECT v AS x; DROP TABLE a; END $$;
SELECT t.mark();
\c
CREATE TABLE a (x int);
DROP TABLE a;
SELECT t.texts('top level', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT 1\; /* c */ CREATE TABLE a (x int) /* d */\; INSERT INTO a VALUES (1)\; DROP TABLE a;
SELECT t.texts('in the middle of a string', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
BEGIN\; SAVEPOINT s\; CREATE TABLE a (x int)\; CREATE TABLE b (x int)\; ROLLBACK TO s\; CREATE TABLE a (x int)\; COMMIT\; DROP TABLE a;
SELECT t.texts('the same statement twice in the first string', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
CREATE TABLE a (x int)\; DROP TABLE a\; CREATE TABLE a (x int)\; DROP TABLE a;
SELECT t.texts('repeated in the first string', 'CREATE TABLE a (x int)', 'DROP TABLE a', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT st();
SELECT t.texts('PL/pgSQL static', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT dy('CREATE TABLE a (x int)')\; DROP TABLE a;
SELECT t.texts('EXECUTE', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT dy('SELECT 1; /* c */ CREATE TABLE a (x int) ; DROP TABLE a; CREATE TABLE a (x int); DROP TABLE a');
SELECT t.texts('EXECUTE of several', 'CREATE TABLE a (x int)', 'DROP TABLE a', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT sq();
SELECT t.texts('SQL function', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT sq2();
SELECT t.texts('SQL function, third statement', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT deep(5);
SELECT t.texts('SQL function below PL/pgSQL', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
DO $$ BEGIN CREATE TABLE a (x int); DROP TABLE a; END $$;
SELECT t.texts('DO', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
DO $$ BEGIN PERFORM dy('SELECT st()'); END $$;
SELECT t.texts('DO, EXECUTE, function', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
SELECT caught();
SELECT t.texts('exception half-way', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
CALL pr();
SELECT t.texts('procedure', 'CREATE TABLE a (x int)', 'DROP TABLE a');
\c
CREATE TABLE a AS SELECT 1 AS x;
DROP TABLE a;
SELECT t.texts('CREATE TABLE AS', 'CREATE TABLE public.a (x integer)', 'DROP TABLE a');
\c
SELECT 1\; SELECT 2 AS x INTO a\; DROP TABLE a;
SELECT t.texts('SELECT INTO in a string', 'CREATE TABLE public.a (x integer)', 'DROP TABLE a');
\c
SELECT ctas();
SELECT t.texts('CREATE TABLE AS in PL/pgSQL', 'CREATE TABLE public.a (x integer)', 'DROP TABLE a');
\c
SELECT dy('SELECT 1; CREATE TABLE a AS SELECT 1 AS x; DROP TABLE a');
SELECT t.texts('CREATE TABLE AS in EXECUTE of several', 'CREATE TABLE public.a (x integer)', 'DROP TABLE a');
\c
PREPARE p(int) AS SELECT $1 AS x;
CREATE TABLE a AS EXECUTE p(1);
DROP TABLE a;
SELECT t.texts('AS EXECUTE', 'CREATE TABLE public.a (x integer)', 'DROP TABLE a');
\c
CREATE SCHEMA s CREATE TABLE a (x int) CREATE VIEW v AS SELECT * FROM a;
SELECT t.texts('CREATE SCHEMA with elements', 'CREATE SCHEMA s CREATE TABLE a (x int) CREATE VIEW v AS SELECT * FROM a');
\c
DROP SCHEMA s CASCADE;
SELECT t.texts('DROP', 'DROP SCHEMA s CASCADE');
\c
\set ON_ERROR_STOP 0
CREATE TABLE a (x nonsense);
\set ON_ERROR_STOP 1
CREATE TABLE a (x int);
SELECT t.texts('a failing first DDL', 'CREATE TABLE a (x int)');
\c
ALTER TABLE a ADD COLUMN y float8 DEFAULT random();
SELECT t.is('a rewrite by the first DDL', (SELECT message->'rewrites'->0->>'table' FROM t.one('rewrite')), 'public.a');
\c
DROP TABLE a;
SELECT t.check('objects of a first DROP', (SELECT 'drop table public.a (original)' = ANY (t.objects(message)) FROM t.one('drop')));
-- DML first, then DDL; and a failed transaction first
\c
SELECT count(*) FROM pg_class\; BEGIN;
\set ON_ERROR_STOP 0
SELECT 1/0;
CREATE TABLE a (x int);
ROLLBACK;
\set ON_ERROR_STOP 1
CREATE TABLE a (x int)\; DROP TABLE a;
SELECT t.texts('after a failed transaction', 'CREATE TABLE a (x int)', 'DROP TABLE a');
-- its beginning was not seen, as when the extension is created meanwhile: PostgreSQL has worked on the tree by then
ALTER EVENT TRIGGER dts_intercept_start DISABLE;
\c
SELECT dy('CREATE TABLE "a" (x int)')\; DROP TABLE a;
\c
DO $$ BEGIN CREATE TABLE a (x serial PRIMARY KEY); END $$;
\c
SELECT dy('COMMENT ON TABLE a IS ''x''; ALTER TABLE a ADD y int; CREATE VIEW v AS SELECT x FROM a')\; DROP TABLE a CASCADE;
SELECT t.texts('nested, first seen at its end', 'CREATE TABLE "a" (x int)', 'DROP TABLE a', 'CREATE TABLE a (x serial PRIMARY KEY)',
  'COMMENT ON TABLE a IS ''x''', 'ALTER TABLE a ADD y int', 'CREATE VIEW v AS SELECT x FROM a', 'DROP TABLE a CASCADE');
ALTER EVENT TRIGGER dts_intercept_start ENABLE;
