-- The stored structure makes the same table: types with typmods, collations, quoted names, storage parameters, persistence, tablespace, access method.
CREATE FUNCTION t.shape(rel regclass) RETURNS text LANGUAGE sql AS $$
  SELECT (SELECT string_agg(format('%s %s %s %s', attnum, quote_ident(attname), format_type(atttypid, atttypmod), attcollation::regcollation), E'\n' ORDER BY attnum) FROM pg_attribute WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped)
   || E'\n' || (SELECT concat_ws(' ', relpersistence, reloptions::text, (SELECT amname FROM pg_am WHERE oid = relam), reltablespace, (SELECT reloptions::text FROM pg_class x WHERE x.oid = c.reltoastrelid)) FROM pg_class c WHERE oid = rel)
$$;
-- Runs the stored text in place of the table that the command made and compares the two.
CREATE FUNCTION t.same(name text, rel text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE want text; ddl text;
BEGIN
  ddl := (SELECT ddl_text FROM t.one(name));
  want := t.shape(rel::regclass);
  EXECUTE format('DROP TABLE %s', rel);
  PERFORM set_config('search_path', '', true);
  EXECUTE ddl;
  PERFORM set_config('search_path', 'public', true);
  PERFORM t.mark();
  PERFORM t.is(name || ': ' || ddl, t.shape(rel::regclass), want);
  EXECUTE format('DROP TABLE %s', rel);
  PERFORM t.mark();
  RETURN 'ok ' || ddl;
END $$;
CREATE SCHEMA "Odd; s"; CREATE TYPE "Odd; s"."My ""Enum""" AS ENUM ('a', 'b'); CREATE TYPE comp AS (x int); CREATE DOMAIN dom AS varchar(5) COLLATE "POSIX"; CREATE COLLATION "Odd; s"."my coll" FROM "C";
CREATE TABLE src (i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, n numeric, n1 numeric(10), n2 numeric(10,2), b boolean, t text, vc varchar, vc5 varchar(5), c char, c7 char(7), bp bpchar, nm name, "ch" "char", by bytea,
  d date, tm time, tm3 time(3), tz timetz, tz2 timetz(2), ts timestamp, ts0 timestamp(0), tsz timestamptz, tsz4 timestamptz(4), iv interval, ivy interval year to month, iv3 interval(3), ivds interval day to second(2),
  u uuid, j json, jb jsonb, x xml, ip inet, ci cidr, ma macaddr, bt bit, bt4 bit(4), vb varbit, vb9 varbit(9), p point, bx box, tsv tsvector, tsq tsquery, r int4range, o oid, rc regclass, mo money,
  ai int[], ai2 int[][], an numeric(6,3)[], av varchar(9)[], e "Odd; s"."My ""Enum""", ea "Odd; s"."My ""Enum"""[], co comp, dm dom, tc text COLLATE "C", tp varchar(4) COLLATE "POSIX", tod text COLLATE "Odd; s"."my coll", tca text[] COLLATE "C");
SELECT t.mark();
CREATE TABLE copy AS TABLE src; SELECT t.same('every type', 'copy');
CREATE TABLE copy AS SELECT * FROM src WITH NO DATA; SELECT t.same('every type, WITH NO DATA', 'copy');
SELECT * INTO copy FROM src; SELECT t.same('every type, SELECT INTO', 'copy');
CREATE TABLE "Odd; s"."Ta ""b"" le" AS SELECT 1 AS "Col", 2 AS "select", 3 AS "a""b", 4 AS "ä", 5 AS "a b;"; SELECT t.same('quoted names', '"Odd; s"."Ta ""b"" le"');
CREATE TABLE lit AS SELECT 'x' AS unknown_literal, NULL AS n, 'y' COLLATE "C" AS coll, 1.5 AS num, ARRAY['a'] AS arr, ROW(1)::comp IS NULL AS b, now() AS ts, '1'::dom AS dm, 5::numeric(7,3) AS nn, 'abc'::varchar(10) AS vc; SELECT t.same('expressions', 'lit');
CREATE TABLE coll AS SELECT t || 'x' AS a, tc || 'y' AS b, upper(tod) AS c, t COLLATE "Odd; s"."my coll" AS d, array_agg(tc) OVER () AS e FROM src; SELECT t.same('derived collations', 'coll');
CREATE TABLE opts WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false) AS SELECT 'x'::text AS x; SELECT t.same('storage parameters', 'opts');
CREATE UNLOGGED TABLE ul WITH (fillfactor = 50) AS SELECT 1 AS x; SELECT t.same('unlogged', 'ul');
CREATE TABLE tsp TABLESPACE pg_default AS SELECT 1 AS x; SELECT t.same('default tablespace', 'tsp');
CREATE TABLE am USING heap AS SELECT 1 AS x; SELECT t.same('access method', 'am');
CREATE TABLE agg AS SELECT count(*), sum(i4), avg(i4), max(vc5), string_agg(tc, ',') FROM src; SELECT t.same('aggregates', 'agg');
CREATE TABLE sys AS SELECT relname, relkind, reloptions, relacl, oid::regclass AS rc FROM pg_class LIMIT 1; SELECT t.same('system types', 'sys');
CREATE TABLE long AS SELECT 1 AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; SELECT t.same('a truncated name', 'long');
SELECT format('CREATE TABLE wide AS SELECT %s', string_agg(format('%s::numeric(9,2) AS "Column %s"', i, i), ', ' ORDER BY i)) FROM generate_series(1, 1500) i \gexec
SELECT left(t.same('1500 columns', 'wide'), 60);
-- a tablespace other than the default, where the server lets us make one
CREATE TABLE c AS SELECT 1 AS a, 'x' COLLATE "C" AS b;
SELECT t.texts('exact text', 'CREATE TABLE public.c (a integer, b text COLLATE pg_catalog."C")');
