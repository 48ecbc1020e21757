-- Functions in LANGUAGE sql with string bodies.
CREATE FUNCTION one() RETURNS void LANGUAGE sql AS 'CREATE TABLE a (x int)';
CREATE FUNCTION several() RETURNS int LANGUAGE sql AS $$
  CREATE TABLE b (x int);   -- first
  SELECT one();
  /* c */ ALTER TABLE b ADD COLUMN y text DEFAULT ';' ;
  DROP TABLE a;
  SELECT 42;
$$;
CREATE FUNCTION outer_f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM several(); DROP TABLE b; END $$;
CREATE FUNCTION twice() RETURNS void LANGUAGE sql AS 'SELECT one(); DROP TABLE a; SELECT one(); DROP TABLE a;';
SELECT t.mark();
SELECT one();
SELECT t.texts('one', 'CREATE TABLE a (x int)');
DROP TABLE a;
SELECT t.mark();
SELECT several();
SELECT t.texts('several', 'CREATE TABLE b (x int)', 'CREATE TABLE a (x int)', $$ALTER TABLE b ADD COLUMN y text DEFAULT ';'$$, 'DROP TABLE a');
DROP TABLE b;
SELECT t.mark();
SELECT outer_f();
SELECT t.texts('called by PL/pgSQL', 'CREATE TABLE b (x int)', 'CREATE TABLE a (x int)', $$ALTER TABLE b ADD COLUMN y text DEFAULT ';'$$, 'DROP TABLE a', 'DROP TABLE b');
SELECT twice();
SELECT t.texts('twice', 'CREATE TABLE a (x int)', 'DROP TABLE a', 'CREATE TABLE a (x int)', 'DROP TABLE a');
CREATE TABLE c (x int)\; SELECT several()\; DROP TABLE b\; DROP TABLE c;
SELECT t.texts('in a string of several statements', 'CREATE TABLE c (x int)', 'CREATE TABLE b (x int)', 'CREATE TABLE a (x int)',
  $$ALTER TABLE b ADD COLUMN y text DEFAULT ';'$$, 'DROP TABLE a', 'DROP TABLE b', 'DROP TABLE c');
-- with arguments, in FROM, set-returning, and as a procedure
CREATE FUNCTION pick(n int) RETURNS SETOF int LANGUAGE sql AS 'CREATE TABLE p (x int); DROP TABLE p; SELECT n FROM generate_series(1, n)';
CREATE PROCEDURE proc(n int) LANGUAGE sql AS 'CREATE TABLE q (x int); DROP TABLE q';
SELECT t.mark();
SELECT count(*) FROM pick(3);
SELECT t.texts('in FROM', 'CREATE TABLE p (x int)', 'DROP TABLE p');
CALL proc(1);
SELECT t.texts('CALL', 'CREATE TABLE q (x int)', 'DROP TABLE q');
-- CREATE TABLE AS within, with an argument
CREATE FUNCTION ctas(n int) RETURNS void LANGUAGE sql AS 'CREATE TABLE made AS SELECT n AS n, generate_series(1, 3) AS i';
SELECT t.mark();
SELECT ctas(5);
SELECT t.texts('CREATE TABLE AS', 'CREATE TABLE public.made (n integer, i integer)');
SELECT t.is('filled', (SELECT array_agg(n || ':' || i ORDER BY i) FROM made), ARRAY['5:1', '5:2', '5:3']);
