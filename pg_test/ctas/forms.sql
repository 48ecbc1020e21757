-- CREATE TABLE AS and SELECT INTO in every form: tag CREATE TABLE, plain structure, the original in message.
CREATE FUNCTION t.ctas(name text, want text, orig_tag text, orig text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  r := t.one(name);
  PERFORM t.is(name || ': tag', r.tag, 'CREATE TABLE');
  PERFORM t.is(name || ': text', r.ddl_text, want);
  PERFORM t.is(name || ': main object', r.object_type, 'table');
  PERFORM t.is(name || ': original tag', r.message->'original'->>'tag', orig_tag);
  PERFORM t.is(name || ': original text', r.message->'original'->>'text', orig);
  RETURN t.is(name || ': objects', t.objects(r.message), ARRAY['create table ' || r.object_name]);
END $$;
SELECT t.mark();
CREATE TABLE a AS SELECT 1 AS x, 'y'::text AS y;
SELECT t.ctas('plain', 'CREATE TABLE public.a (x integer, y text)', 'CREATE TABLE AS', $$CREATE TABLE a AS SELECT 1 AS x, 'y'::text AS y$$);
SELECT t.is('filled', (SELECT x || y FROM a), '1y');
/* c */ CREATE TABLE b AS /* inside */ SELECT 1 AS x /* end */;
SELECT t.ctas('comments', 'CREATE TABLE public.b (x integer)', 'CREATE TABLE AS', 'CREATE TABLE b AS /* inside */ SELECT 1 AS x');
CREATE TABLE c AS SELECT 1 AS x WITH NO DATA;
SELECT t.ctas('WITH NO DATA', 'CREATE TABLE public.c (x integer)', 'CREATE TABLE AS', 'CREATE TABLE c AS SELECT 1 AS x WITH NO DATA');
SELECT t.is('empty', (SELECT count(*) FROM c), 0);
CREATE TABLE d AS SELECT 1 AS x WITH DATA;
SELECT t.ctas('WITH DATA', 'CREATE TABLE public.d (x integer)', 'CREATE TABLE AS', 'CREATE TABLE d AS SELECT 1 AS x WITH DATA');
SELECT 1 AS x INTO e;
SELECT t.ctas('SELECT INTO', 'CREATE TABLE public.e (x integer)', 'SELECT INTO', 'SELECT 1 AS x INTO e');
SELECT x INTO TABLE f FROM a WHERE x > 0 ORDER BY x LIMIT 5;
SELECT t.ctas('SELECT INTO TABLE', 'CREATE TABLE public.f (x integer)', 'SELECT INTO', 'SELECT x INTO TABLE f FROM a WHERE x > 0 ORDER BY x LIMIT 5');
WITH w AS (SELECT 1 AS x) SELECT x INTO g FROM w;
SELECT t.ctas('WITH .. SELECT INTO', 'CREATE TABLE public.g (x integer)', 'SELECT INTO', 'WITH w AS (SELECT 1 AS x) SELECT x INTO g FROM w');
PREPARE p(int) AS SELECT $1 AS x, 'k'::text AS k;
CREATE TABLE h AS EXECUTE p(5);
SELECT t.ctas('AS EXECUTE', 'CREATE TABLE public.h (x integer, k text)', 'CREATE TABLE AS', 'CREATE TABLE h AS EXECUTE p(5)');
SELECT t.is('parameter', (SELECT x || k FROM h), '5k');
CREATE TABLE i AS EXECUTE p(6) WITH NO DATA;
SELECT t.ctas('AS EXECUTE WITH NO DATA', 'CREATE TABLE public.i (x integer, k text)', 'CREATE TABLE AS', 'CREATE TABLE i AS EXECUTE p(6) WITH NO DATA');
CREATE TABLE j (one, two) AS SELECT 1, 2;
SELECT t.ctas('column names', 'CREATE TABLE public.j (one integer, two integer)', 'CREATE TABLE AS', 'CREATE TABLE j (one, two) AS SELECT 1, 2');
CREATE TABLE IF NOT EXISTS k AS SELECT 1 AS x;
SELECT t.check('IF NOT EXISTS that made it', (SELECT ddl_text ~ '^CREATE TABLE (IF NOT EXISTS )?public\.k \(x integer\)$' FROM t.one('if not exists')));
CREATE TABLE IF NOT EXISTS k AS SELECT 2 AS y;
CREATE TABLE IF NOT EXISTS k AS EXECUTE p(7);
CREATE TABLE IF NOT EXISTS k AS SELECT 2 AS y WITH NO DATA;
SELECT t.none('IF NOT EXISTS that did nothing');
CREATE TABLE l AS TABLE a;
SELECT t.ctas('TABLE', 'CREATE TABLE public.l (x integer, y text)', 'CREATE TABLE AS', 'CREATE TABLE l AS TABLE a');
CREATE TABLE m AS VALUES (1, 'x'), (2, 'y');
SELECT t.ctas('VALUES', 'CREATE TABLE public.m (column1 integer, column2 text)', 'CREATE TABLE AS', $$CREATE TABLE m AS VALUES (1, 'x'), (2, 'y')$$);
CREATE TABLE n AS SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3;
SELECT t.ctas('UNION', 'CREATE TABLE public.n (x integer)', 'CREATE TABLE AS', 'CREATE TABLE n AS SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3');
CREATE TABLE o AS SELECT * FROM a WHERE false;
SELECT t.ctas('no rows', 'CREATE TABLE public.o (x integer, y text)', 'CREATE TABLE AS', 'CREATE TABLE o AS SELECT * FROM a WHERE false');
CREATE TABLE q AS SELECT;
SELECT t.ctas('no columns', 'CREATE TABLE public.q ()', 'CREATE TABLE AS', 'CREATE TABLE q AS SELECT');
CREATE SCHEMA s;
CREATE TABLE s.r AS SELECT 1 AS x;
SELECT t.is('in another schema', (SELECT string_agg(ddl_text, ';' ORDER BY n) FROM t.new()), 'CREATE SCHEMA s;CREATE TABLE s.r (x integer)'), t.mark();
SET search_path = s, public;
CREATE TABLE r2 AS SELECT 1 AS x;
SELECT t.ctas('by search_path', 'CREATE TABLE s.r2 (x integer)', 'CREATE TABLE AS', 'CREATE TABLE r2 AS SELECT 1 AS x');
RESET search_path;
CREATE UNLOGGED TABLE u AS SELECT 1 AS x;
SELECT t.ctas('UNLOGGED', 'CREATE UNLOGGED TABLE public.u (x integer)', 'CREATE TABLE AS', 'CREATE UNLOGGED TABLE u AS SELECT 1 AS x');
SELECT 1 AS x INTO UNLOGGED u2;
SELECT t.ctas('SELECT INTO UNLOGGED', 'CREATE UNLOGGED TABLE public.u2 (x integer)', 'SELECT INTO', 'SELECT 1 AS x INTO UNLOGGED u2');
CREATE TEMP TABLE v AS SELECT 1 AS x; SELECT 1 AS x INTO TEMP w; CREATE TEMP TABLE v2 AS EXECUTE p(1); CREATE TEMP TABLE v3 AS SELECT 1 AS x WITH NO DATA; CREATE TEMP TABLE v4 ON COMMIT DROP AS SELECT 1 AS x;
SELECT t.none('temporary');
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x;
SELECT t.is('materialized views are stored as written', (SELECT tag || ': ' || ddl_text || coalesce(message->>'original', '') FROM t.one('mv')), 'CREATE MATERIALIZED VIEW: CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x');
CREATE MATERIALIZED VIEW mv2 AS SELECT 1 AS x WITH NO DATA;
SELECT t.is('materialized views are stored as written', (SELECT tag || ': ' || ddl_text FROM t.one('mv')), 'CREATE MATERIALIZED VIEW: CREATE MATERIALIZED VIEW mv2 AS SELECT 1 AS x WITH NO DATA');
REFRESH MATERIALIZED VIEW mv2;
SELECT t.is('refresh', (SELECT tag FROM t.one('refresh')), 'REFRESH MATERIALIZED VIEW');
-- in functions with parameters, nested, several at once
CREATE FUNCTION f(n int, s text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v numeric(8,2) := 3;
BEGIN
  CREATE TABLE fa AS SELECT n AS n, s AS s, v AS v;
  EXECUTE 'CREATE TABLE fb AS SELECT $1 AS a, $2 AS b' USING n, s;
  EXECUTE format('CREATE TABLE fc AS SELECT %s AS a; CREATE TABLE fd AS SELECT a FROM fc', n);
END $$;
SELECT t.mark();
SELECT f(4, 'four');
SELECT t.texts('in a function', 'CREATE TABLE public.fa (n integer, s text, v numeric(8,2))', 'CREATE TABLE public.fb (a integer, b text)', 'CREATE TABLE public.fc (a integer)', 'CREATE TABLE public.fd (a integer)');
SELECT t.is('values', (SELECT concat_ws('/', fa.n, fa.s, fa.v, fb.a, fb.b, fd.a) FROM fa, fb, fd), '4/four/3.00/4/four/4');
CREATE FUNCTION maker() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE inner_made AS SELECT 2 AS y; RETURN 1; END $$;
SELECT t.mark();
CREATE TABLE outer_made AS SELECT maker() AS x;
SELECT t.texts('one inside the other', 'CREATE TABLE public.outer_made (x integer)', 'CREATE TABLE public.inner_made (y integer)');
SELECT t.is('both filled', (SELECT x || '-' || y FROM outer_made, inner_made), '1-2');
-- a failing query leaves nothing, and the next is right
\set ON_ERROR_STOP 0
CREATE TABLE bad AS SELECT 1/(i - 2) AS x FROM generate_series(1, 3) i;
CREATE TABLE a AS SELECT 1 AS x;
CREATE TABLE bad AS SELECT nope;
CREATE TABLE bad (a, b) AS SELECT 1;
\set ON_ERROR_STOP 1
SELECT t.none('failures');
CREATE TABLE good AS SELECT 1 AS x;
SELECT t.texts('after failures', 'CREATE TABLE public.good (x integer)');
-- an ordinary query right after, with the same destination code path elsewhere
CREATE TABLE src AS SELECT i AS x FROM generate_series(1, 1000) i;
SELECT t.mark();
CREATE TABLE big AS SELECT x, md5(x::text) AS m FROM src;
SELECT t.is('all rows arrive', (SELECT count(*) || ' ' || sum(x) FROM big), '1000 500500');
SELECT t.texts('large', 'CREATE TABLE public.big (x integer, m text)');
