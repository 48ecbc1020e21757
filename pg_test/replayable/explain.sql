-- EXPLAIN ANALYZE runs CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW without event triggers.
LOAD 'dts_ddl_capture';
CREATE TABLE a (x int); INSERT INTO a VALUES (1), (2); SELECT t.mark();
EXPLAIN (ANALYZE, COSTS off, TIMING off) CREATE TABLE b AS SELECT x FROM a;
SELECT t.is('CREATE TABLE AS', (SELECT concat_ws('|', tag, ddl_text, message->'original'->>'tag', message->'original'->>'text') FROM t.one('CREATE TABLE AS')),
  'CREATE TABLE|CREATE TABLE public.b (x integer)|CREATE TABLE AS|CREATE TABLE b AS SELECT x FROM a');
SELECT t.is('rows', (SELECT count(*) FROM b), 2);
EXPLAIN ANALYZE VERBOSE SELECT x INTO c FROM a;
SELECT t.is('SELECT INTO', (SELECT concat_ws('|', tag, ddl_text, message->'original'->>'text') FROM t.one('SELECT INTO')), 'CREATE TABLE|CREATE TABLE public.c (x integer)|SELECT x INTO c FROM a');
DO $$ BEGIN EXECUTE 'EXPLAIN ANALYZE CREATE TABLE d AS SELECT x FROM a WITH NO DATA'; END $$;
SELECT t.is('nested, WITH NO DATA', (SELECT concat_ws('|', ddl_text, message->'nesting'->>'level') FROM t.one('nested')), 'CREATE TABLE public.d (x integer)|nested');
-- a function of the query that runs queries of its own meanwhile
CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM a WHERE x = $1); END'; SELECT t.mark();
EXPLAIN (ANALYZE, FORMAT json) /* c */ CREATE MATERIALIZED VIEW v AS SELECT f(x) FROM a /* end */;
SELECT t.is('CREATE MATERIALIZED VIEW', (SELECT concat_ws('|', tag, ddl_text, object_type, object_name) FROM t.one('view')),
  'CREATE MATERIALIZED VIEW|CREATE MATERIALIZED VIEW v AS SELECT f(x) FROM a|materialized view|public.v');
SELECT current_setting('server_version_num')::int >= 140000 AS knows_if_not_exists \gset
\if :knows_if_not_exists
EXPLAIN ANALYZE CREATE TABLE IF NOT EXISTS b AS SELECT x FROM a;
\endif
EXPLAIN CREATE TABLE e AS SELECT x FROM a;
EXPLAIN (ANALYZE off) CREATE TABLE e AS SELECT x FROM a;
EXPLAIN ANALYZE SELECT x FROM a;
EXPLAIN ANALYZE CREATE TEMP TABLE e AS SELECT x FROM a;
SELECT t.none('nothing was made');
BEGIN; EXPLAIN ANALYZE CREATE TABLE g AS SELECT x FROM a; ROLLBACK;
SELECT t.none('rolled back');
