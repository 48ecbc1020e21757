-- message.rewrites: which tables were rewritten, why, and whether a volatile expression made the values.
CREATE FUNCTION t.rw(name text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(concat_ws(' ', r->>'table', r->>'reasons', CASE WHEN (r->>'volatile')::boolean THEN 'volatile' END), '; ' ORDER BY r->>'table') FROM t.one(name), jsonb_array_elements(message->'rewrites') r $$;
SET client_min_messages = error;
CREATE TABLE a (id int, n int, s text); INSERT INTO a SELECT i, i, i FROM generate_series(1, 10) i;
SELECT t.mark();
ALTER TABLE a ADD COLUMN c1 int; SELECT t.is('no rewrite', t.rw('none'), NULL);
ALTER TABLE a ADD COLUMN c2 int DEFAULT 5; SELECT t.is('constant default: no rewrite', t.rw('constant'), NULL);
ALTER TABLE a ADD COLUMN c3 timestamptz DEFAULT now(); SELECT t.is('stable default: no rewrite', t.rw('stable'), NULL);
ALTER TABLE a ADD COLUMN c4 float8 DEFAULT random(); SELECT t.is('volatile default', t.rw('volatile'), 'public.a ["default"] volatile');
ALTER TABLE a ALTER COLUMN n TYPE bigint; SELECT t.is('type', t.rw('type'), 'public.a ["column type"]');
ALTER TABLE a ALTER COLUMN s TYPE varchar; SELECT t.is('binary compatible type: no rewrite', t.rw('compatible'), NULL);
ALTER TABLE a ALTER COLUMN n TYPE float8 USING n * random(); SELECT t.is('volatile USING', t.rw('using'), 'public.a ["column type"] volatile');
ALTER TABLE a ALTER COLUMN n TYPE numeric USING n + 1; SELECT t.is('immutable USING', t.rw('using'), 'public.a ["column type"]');
CREATE FUNCTION stab() RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'x' $$;
ALTER TABLE a ADD k text DEFAULT '1', ADD w timestamp DEFAULT '2020-01-02'; SELECT t.mark();
SET TimeZone = 'Asia/Tokyo'; ALTER TABLE a ALTER w TYPE timestamptz; SELECT t.is('a cast that depends on TimeZone, which the row tells', t.rw('cast'), 'public.a ["column type"]');
ALTER TABLE a ALTER w TYPE text USING to_char(w + interval '1 day', 'YYYY-MM-DD') || concat(' ', NULL); SELECT t.is('texts of values', t.rw('text'), 'public.a ["column type"]');
ALTER TABLE a ALTER w TYPE timestamptz USING w::timestamptz; SELECT t.is('a value of a text', t.rw('value'), 'public.a ["column type"]');
ALTER TABLE a ALTER w TYPE timestamptz USING now(); SELECT t.is('the moment', t.rw('now'), 'public.a ["column type"] volatile');
ALTER TABLE a ALTER w TYPE text USING age(w)::text; SELECT t.is('the day', t.rw('age'), 'public.a ["column type"] volatile');
ALTER TABLE a ALTER k TYPE text COLLATE "C" USING k || current_user; SELECT t.is('the role', t.rw('role'), 'public.a ["column type"] volatile');
ALTER TABLE a ALTER k TYPE varchar USING current_setting('application_name') || k; SELECT t.is('the session', t.rw('session'), 'public.a ["column type"] volatile');
ALTER TABLE a ALTER k TYPE text USING stab(); SELECT t.is('a stable function of a user', t.rw('user'), 'public.a ["column type"] volatile');
ALTER TABLE a SET UNLOGGED; SELECT t.is('persistence', t.rw('unlogged'), 'public.a ["persistence"]');
ALTER TABLE a SET LOGGED; SELECT t.is('persistence', t.rw('logged'), 'public.a ["persistence"]');
ALTER TABLE a ADD COLUMN c5 serial; SELECT t.is('serial: nextval is volatile', t.rw('serial'), 'public.a ["default"] volatile');
ALTER TABLE a ADD COLUMN c6 int GENERATED ALWAYS AS IDENTITY; SELECT t.is('identity: nextval too', t.rw('identity'), 'public.a ["default"] volatile');
ALTER TABLE a ADD COLUMN c7 int GENERATED ALWAYS AS (id * 2) STORED; SELECT t.is('generated: immutable', t.rw('generated'), 'public.a ["default"]');
CREATE FUNCTION vol() RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END'; CREATE DOMAIN dom AS int DEFAULT vol(); SELECT t.mark();
-- whether a domain's default makes PostgreSQL rewrite the table depends on its minor version: what it did is what is told
SELECT pg_relation_filenode('a') AS before \gset
ALTER TABLE a ADD COLUMN c8 dom; SELECT t.is('a domain''s volatile default', t.rw('domain'), CASE WHEN pg_relation_filenode('a') <> :before THEN 'public.a ["default"] volatile' END);
ALTER TABLE a ADD COLUMN c9 int DEFAULT vol(), ALTER COLUMN c1 TYPE bigint; SELECT t.is('two reasons', t.rw('two'), 'public.a ["default", "column type"] volatile');
CREATE TABLE p (id int, x int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2); INSERT INTO p VALUES (2, 2); SELECT t.mark();
ALTER TABLE p ADD COLUMN y int DEFAULT vol(); SELECT t.is('partitions, of which one has no rows', t.rw('partitions'), 'public.p1 ["default"]; public.p2 ["default"] volatile');
CREATE TABLE "Odd" (x int); SELECT t.mark();
ALTER TABLE "Odd" ALTER x TYPE bigint; SELECT t.is('quoted', t.rw('quoted'), 'public."Odd" ["column type"]');
CREATE TYPE comp AS (x int); CREATE TABLE typed OF comp; SELECT t.mark();
ALTER TYPE comp ALTER ATTRIBUTE x TYPE bigint CASCADE; SELECT t.is('ALTER TYPE CASCADE', t.rw('type cascade'), 'public.typed ["column type"]');
-- rewrites of a failed command do not show up in the next
\set ON_ERROR_STOP 0
ALTER TABLE a ADD COLUMN e1 float8 DEFAULT random(), ADD CONSTRAINT no CHECK (id < 0);
\set ON_ERROR_STOP 1
ALTER TABLE a ADD COLUMN e2 int; SELECT t.is('after a failure', t.rw('after failure'), NULL);
DO $$ BEGIN BEGIN ALTER TABLE a ADD COLUMN e3 float8 DEFAULT random(); PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN ALTER TABLE a ADD COLUMN e4 int; END; END $$;
SELECT t.is('after a caught failure', t.rw('caught'), NULL);
CREATE TEMP TABLE tmp (x int);
ALTER TABLE tmp ALTER x TYPE bigint;
SELECT t.none('temporary');
-- materialized views that volatile functions fill, wherever in the query these stand
CREATE VIEW inner_view AS SELECT id FROM a WHERE random() >= 0; CREATE VIEW outer_view AS SELECT * FROM inner_view; SELECT t.mark();
CREATE MATERIALIZED VIEW m1 AS SELECT id, random() FROM a; SELECT t.is('filled', t.rw('filled'), 'public.m1 ["materialized view"] volatile');
REFRESH MATERIALIZED VIEW m1; SELECT t.is('refreshed', t.rw('refreshed'), 'public.m1 ["materialized view"] volatile');
REFRESH MATERIALIZED VIEW m1 WITH NO DATA; SELECT t.is('emptied', t.rw('emptied'), NULL);
CREATE MATERIALIZED VIEW m2 AS SELECT id, now(), current_setting('TimeZone') FROM a; SELECT t.is('the moment and settings are in the row', t.rw('stable'), NULL);
CREATE MATERIALIZED VIEW m3 AS SELECT id FROM outer_view; SELECT t.is('a view in a view', t.rw('view'), 'public.m3 ["materialized view"] volatile');
CREATE MATERIALIZED VIEW m4 AS SELECT id FROM a WHERE EXISTS (SELECT FROM p WHERE x = vol()) OR id > 0; SELECT t.is('a subquery', t.rw('subquery'), 'public.m4 ["materialized view"] volatile');
CREATE MATERIALIZED VIEW m5 AS WITH w AS (SELECT vol() AS v) SELECT id, v FROM a, w; SELECT t.is('WITH', t.rw('with'), 'public.m5 ["materialized view"] volatile');
CREATE MATERIALIZED VIEW m6 AS SELECT id FROM a, generate_series(1, vol()) g; SELECT t.is('a function in FROM', t.rw('from'), 'public.m6 ["materialized view"] volatile');
CREATE MATERIALIZED VIEW m7 AS SELECT id FROM a TABLESAMPLE bernoulli (100); SELECT t.is('a sample', t.rw('sample'), 'public.m7 ["materialized view"] volatile');
CREATE MATERIALIZED VIEW m8 AS SELECT id FROM a TABLESAMPLE bernoulli (100) REPEATABLE (1); SELECT t.is('a repeatable sample', t.rw('repeatable'), NULL);
CREATE MATERIALIZED VIEW m9 AS SELECT id, random() FROM a WITH NO DATA; SELECT t.is('not filled', t.rw('no data'), NULL);
CREATE UNIQUE INDEX ON m3 (id); SELECT t.mark();
REFRESH MATERIALIZED VIEW CONCURRENTLY m3; SELECT t.is('concurrently', t.rw('concurrently'), 'public.m3 ["materialized view"] volatile');
