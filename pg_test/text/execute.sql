-- EXECUTE of strings, also with several statements, expressions, USING, INTO and format().
CREATE FUNCTION run(s text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE s; END $$;
SELECT t.mark();
SELECT run('CREATE TABLE a (x int)');
SELECT t.texts('one', 'CREATE TABLE a (x int)');
SELECT run('CREATE TABLE b (x int); INSERT INTO b VALUES (1); ALTER TABLE b ADD y int; SELECT 1; DROP TABLE b;');
SELECT t.texts('several', 'CREATE TABLE b (x int)', 'ALTER TABLE b ADD y int', 'DROP TABLE b');
SELECT run('  ;; CREATE TABLE c (x int) ; ; CREATE TABLE d (x int);;');
SELECT t.texts('empty ones between', 'CREATE TABLE c (x int)', 'CREATE TABLE d (x int)');
SELECT run($$CREATE FUNCTION inner_f() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TABLE e (x int); END'; SELECT inner_f(); DROP TABLE e$$);
SELECT t.texts('nested', $$CREATE FUNCTION inner_f() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TABLE e (x int); END'$$, 'CREATE TABLE e (x int)', 'DROP TABLE e');
SELECT run($$SELECT run('CREATE TABLE f (x int); SELECT run(''CREATE TABLE g (x int); DROP TABLE f'')'); DROP TABLE g$$);
SELECT t.texts('EXECUTE in EXECUTE in EXECUTE', 'CREATE TABLE f (x int)', 'CREATE TABLE g (x int)', 'DROP TABLE f', 'DROP TABLE g');
SELECT run($$DO 'BEGIN CREATE TABLE h (x int); END'; DROP TABLE h$$);
SELECT t.texts('DO in EXECUTE', 'CREATE TABLE h (x int)', 'DROP TABLE h');
DO $$
DECLARE n text; v int := 7;
BEGIN
  FOREACH n IN ARRAY ARRAY['p', 'q'] LOOP
    EXECUTE format('CREATE TABLE %I (x int DEFAULT %s)', n, v) || '';
  END LOOP;
  EXECUTE 'CREATE TABLE u AS SELECT $1 AS n, $2::text AS s' USING v, 'x';
  EXECUTE 'SELECT 1; CREATE TABLE w (x int); SELECT 2' ;
END $$;
SELECT t.texts('built strings', 'CREATE TABLE p (x int DEFAULT 7)', 'CREATE TABLE q (x int DEFAULT 7)', 'CREATE TABLE public.u (n integer, s text)', 'CREATE TABLE w (x int)');
SELECT t.is('USING values arrived', (SELECT n || s FROM u), '7x');
-- the string calls a function that runs the same string
SELECT run('CREATE TABLE same (x int); DROP TABLE same; CREATE TABLE same (x int)');
SELECT t.texts('repeated in one string', 'CREATE TABLE same (x int)', 'DROP TABLE same', 'CREATE TABLE same (x int)');
-- a syntax error later in the string: nothing ran at all
SELECT t.fails('parse error', $$SELECT run('CREATE TABLE never (x int); CREATE NONSENSE')$$, '42601');
SELECT t.none('parse error leaves no row');
SELECT t.fails('error later', $$SELECT run('CREATE TABLE never (x int); SELECT 1/0; CREATE TABLE never2 (x int)')$$, '22012');
SELECT t.none('error later leaves no row');
CREATE TABLE after (x int);
SELECT t.texts('state is clean after errors', 'CREATE TABLE after (x int)');
