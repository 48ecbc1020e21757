-- What capture writes of the catalogs is the same whatever the search_path of who runs the DDL: each name has its schema. (That no code of
-- his runs: attack.sql.)
CREATE SCHEMA f; CREATE FUNCTION f.g(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION f.less(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE OPERATOR f.<% (LEFTARG = int, RIGHTARG = int, FUNCTION = f.less);
CREATE FUNCTION t.definition(name text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT message->'made'->0->>'definition' FROM t.one(name)); END $$;
\set wanted 'CREATE INDEX ON public.b USING btree (f.g(i)) WHERE (i OPERATOR(f.<%) 1)'
CREATE TABLE public.a (i int); CREATE INDEX ON public.a (f.g(i)) WHERE i OPERATOR(f.<%) 1; SELECT t.mark();
SET search_path = public; CREATE TABLE b (LIKE a INCLUDING INDEXES); SELECT t.is('not in the path', t.definition('1'), :'wanted'); DROP TABLE b; SELECT t.mark();
SET search_path = public, f; CREATE TABLE b (LIKE a INCLUDING INDEXES); SELECT t.is('in the path', t.definition('2'), :'wanted'); DROP TABLE b; SELECT t.mark();
SET search_path = f, public, pg_catalog; CREATE TABLE public.b (LIKE a INCLUDING INDEXES);
SELECT t.is('before pg_catalog', t.definition('3'), :'wanted'); DROP TABLE b; SELECT t.mark();
SET search_path = ''; CREATE TABLE public.b (LIKE public.a INCLUDING INDEXES); SELECT t.is('no path', t.definition('4'), :'wanted');
