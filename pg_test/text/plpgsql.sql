-- Static statements of PL/pgSQL: each is one row with its own text.
CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE x int := 0;
BEGIN
  CREATE TABLE a (id int, note text DEFAULT 'a;b');
  INSERT INTO a VALUES (1, 'x');
  IF n > 1 THEN
    ALTER TABLE a
      ADD COLUMN more int;   -- a comment
  ELSE
    DROP TABLE a;
  END IF;
  FOR x IN 1..2 LOOP
    CREATE TABLE loop_t (i int); DROP TABLE loop_t;
  END LOOP;
  /* lead */ CREATE INDEX a_idx ON a (id) /* trail */;
  PERFORM g();
  RETURN x;
END $$;
CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMENT ON TABLE a IS 'by g'; END $$;
SELECT t.mark();
SELECT f(2);
SELECT t.texts('static', $$CREATE TABLE a (id int, note text DEFAULT 'a;b')$$, E'ALTER TABLE a\n      ADD COLUMN more int',
  'CREATE TABLE loop_t (i int)', 'DROP TABLE loop_t', 'CREATE TABLE loop_t (i int)', 'DROP TABLE loop_t', 'CREATE INDEX a_idx ON a (id)', $$COMMENT ON TABLE a IS 'by g'$$);
DROP TABLE a;
SELECT t.texts('clean', 'DROP TABLE a');
-- inside a multi-statement string, twice, with DDL around
CREATE TABLE z1 (i int)\; SELECT f(2)\; DROP TABLE a\; SELECT f(3)\; DROP TABLE z1;
SELECT t.is('count', (SELECT count(*) FROM t.new()), 19);
SELECT t.is('first, 9th, 10th, last', (SELECT array_agg(ddl_text ORDER BY n) FROM t.new() WHERE n IN (1, 10, 11, 19)),
  ARRAY['CREATE TABLE z1 (i int)', 'DROP TABLE a', $$CREATE TABLE a (id int, note text DEFAULT 'a;b')$$, 'DROP TABLE z1']);
SELECT t.sound('all'), t.mark();
-- in an expression, a default, a RETURN QUERY, a cursor
CREATE FUNCTION mk(n text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE %I (i int)', n); RETURN true; END $$;
CREATE FUNCTION rq() RETURNS SETOF boolean LANGUAGE plpgsql AS $$ DECLARE b boolean := mk('in_default'); c CURSOR FOR SELECT mk('in_cursor');
BEGIN RETURN QUERY SELECT mk('in_return_query'); OPEN c; FETCH c INTO b; CLOSE c; RETURN QUERY EXECUTE 'SELECT mk(''in_return_execute'')'; RETURN; END $$;
SELECT t.mark();
SELECT * FROM rq();
SELECT t.texts('in expressions', 'CREATE TABLE in_default (i int)', 'CREATE TABLE in_return_query (i int)', 'CREATE TABLE in_cursor (i int)',
  'CREATE TABLE in_return_execute (i int)');
SELECT mk('q' || i) FROM generate_series(1, 3) i WHERE mk('w' || i);
SELECT t.is('a query that makes tables row by row', (SELECT string_agg(ddl_text, ', ' ORDER BY n) FROM t.new()),
  'CREATE TABLE w1 (i int), CREATE TABLE q1 (i int), CREATE TABLE w2 (i int), CREATE TABLE q2 (i int), CREATE TABLE w3 (i int), CREATE TABLE q3 (i int)');
SELECT t.sound('row by row'), t.mark();
-- a table filled by a query that makes tables itself
CREATE TABLE outer_t AS SELECT mk('made_while_filling') AS made;
SELECT t.is('structure first, then what its query made', (SELECT array_agg(ddl_text ORDER BY n) FROM t.new()),
  ARRAY['CREATE TABLE public.outer_t (made boolean)', 'CREATE TABLE made_while_filling (i int)']);
SELECT t.sound('filling'), t.mark();
-- variables that look like what the statement names
DO $$ DECLARE tbl text := 'x'; BEGIN CREATE TABLE tbl (tbl int DEFAULT 1); DROP TABLE tbl; END $$;
SELECT t.texts('names of variables', 'CREATE TABLE tbl (tbl int DEFAULT 1)', 'DROP TABLE tbl');
