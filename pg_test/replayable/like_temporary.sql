-- LIKE of a temporary table, which no other server has: the columns and constraints that the new table got.
-- Each row is run again, in a session without the temporary tables, and must make the same table.
SET client_min_messages = error;
CREATE TYPE mood AS ENUM ('sad');
CREATE TABLE real (r int);
CREATE TEMP TABLE tmp (a int PRIMARY KEY, "B b" text COLLATE "C" DEFAULT 'it''s' NOT NULL, m mood[], c numeric(5,2) CONSTRAINT pos CHECK (c > 0),
  g int GENERATED ALWAYS AS (a * 2) STORED, gone int, UNIQUE (m, c));
ALTER TABLE tmp DROP COLUMN gone;
CREATE TEMP TABLE tmp2 (i int GENERATED ALWAYS AS IDENTITY);
CREATE TEMP TABLE tmp0 ();
SELECT t.mark();
CREATE TABLE t1 (LIKE tmp);
CREATE TABLE t2 (first int, LIKE /* the temporary one */ tmp INCLUDING ALL, CHECK (first > a), LIKE real, LIKE pg_temp.tmp2 INCLUDING IDENTITY) WITH (fillfactor = 50);
CREATE TABLE t3 (LIKE real INCLUDING ALL, "like" int);
SELECT t.is('said in message', (SELECT message->'original'->>'text' FROM t.new() WHERE n = 1), 'CREATE TABLE t1 (LIKE tmp)');
SELECT t.is('only where it has to be', (SELECT ddl_text || (message ? 'original') FROM t.new() WHERE n = 3), 'CREATE TABLE t3 (LIKE real INCLUDING ALL, "like" int)false');
SELECT t.check('the rest stays', (SELECT ddl_text ~ '^CREATE TABLE t2 \(first int, a integer.*, CHECK \(first > a\), LIKE real, i integer GENERATED ALWAYS AS IDENTITY.*\) WITH \(fillfactor = 50\)$' FROM t.new() WHERE n = 2), (SELECT ddl_text FROM t.new() WHERE n = 2));
SELECT t.sound('like');
CREATE FUNCTION t.shape(name text) RETURNS text LANGUAGE sql AS $$
  SELECT (SELECT string_agg(concat_ws(' ', attnum, attname, format_type(atttypid, atttypmod), attcollation, attnotnull, attidentity, attgenerated, pg_get_expr(adbin, adrelid)), E'\n' ORDER BY attnum)
          FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = name::regclass AND attnum > 0)
      || (SELECT coalesce(string_agg(concat_ws(' ', conname, pg_get_constraintdef(oid)), E'\n' ORDER BY conname), '') FROM pg_constraint WHERE conrelid = name::regclass)
$$;
CREATE TABLE t.seen AS SELECT ddl_text, 't' || n AS name, t.shape('public.t' || n) AS shape FROM t.new() WHERE n < 3;
DROP TABLE t1, t2, t3;
SELECT t.mark();
CREATE TABLE t4 (LIKE tmp0, a int, LIKE tmp0); CREATE TABLE t5 (LIKE tmp0);
SELECT t.texts('a table without columns', 'CREATE TABLE t4 (a int)', 'CREATE TABLE t5 ()');
\c
SET client_min_messages = error;
SELECT ddl_text FROM t.seen \gexec
SELECT t.is(name, t.shape('public.' || name), shape) FROM t.seen;
