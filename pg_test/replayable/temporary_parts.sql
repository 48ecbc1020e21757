-- What is left of a table without what only this session has. Each row is run again, in a session without any of it.
SET client_min_messages = error;
CREATE TYPE pg_temp.kind AS ENUM ('a', 'it''s'); CREATE DOMAIN pg_temp.short AS varchar(3) CHECK (VALUE <> ''); CREATE TEMP TABLE tt (x int); CREATE TEMP SEQUENCE ts;
CREATE FUNCTION pg_temp.tf(int DEFAULT 1) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE COLLATION pg_temp.tc FROM "C";
CREATE TABLE parent (a int, b text) PARTITION BY LIST (a); CREATE TABLE old (a int PRIMARY KEY, z int, CHECK (z > 0));
CREATE TABLE had (a int PRIMARY KEY, w int); INSERT INTO had VALUES (1, 1);
SELECT t.mark();
CREATE DOMAIN over_kind AS kind; CREATE TYPE with_kind AS (k kind); CREATE FUNCTION over_tt(tt) RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT t.is('no parts of tables', (SELECT count(*) FROM t.new() WHERE NOT (message->>'replay')::boolean), 3::bigint), t.mark();
CREATE FUNCTION t.texts_but_not_null(name text, VARIADIC want text[]) RETURNS text LANGUAGE sql AS $$
  -- from 18 on NOT NULL is a constraint, and has a name
  SELECT t.is(name, ARRAY(SELECT regexp_replace(regexp_replace(ddl_text, ', (ADD )?CONSTRAINT \w+ NOT NULL \w+', '', 'g'), '(?<!IS) NOT NULL', '', 'g') FROM t.new() ORDER BY n), want) || coalesce(t.mark()::text, '') $$; SELECT t.mark();
CREATE TABLE t1 (id serial PRIMARY KEY, k kind NOT NULL, ks kind[] UNIQUE, s short DEFAULT 'x', ok over_kind, wk with_kind, r tt, rs tt[], ss short[]) WITH (fillfactor = 50);
CREATE TABLE t2 (c int CHECK (c > 0) CHECK (c <> pg_temp.tf(c)), d int DEFAULT pg_temp.tf(), e int DEFAULT nextval('ts'), f int DEFAULT over_tt(NULL), g int GENERATED ALWAYS AS (pg_temp.tf(c)) STORED,
  h int GENERATED ALWAYS AS (c + 1) STORED, i int GENERATED ALWAYS AS IDENTITY, l text COLLATE pg_temp.tc, UNIQUE (c, g), UNIQUE (c, d));
CREATE TABLE t3 (own kind) INHERITS (old);
CREATE TABLE t4 PARTITION OF parent (b DEFAULT 'q' CHECK (length(b) <> pg_temp.tf()), CHECK (a = 1)) FOR VALUES IN (1);
CREATE TABLE t5 (k kind) PARTITION BY LIST (k); CREATE TABLE t6 PARTITION OF t5 FOR VALUES IN ('a');
CREATE TABLE t7 AS SELECT 'a'::kind AS k, ARRAY['x']::short[] AS s;
CREATE UNLOGGED TABLE IF NOT EXISTS t8 (LIKE old INCLUDING ALL, k kind);
SELECT t.check('what was left out is told', (SELECT message->>'temporary_removed' = '["table column public.t5.k"]' AND message->'original'->>'text' ~ 'BY LIST \(k\)' FROM t.new() WHERE n = 5), (SELECT message FROM t.new() WHERE n = 5)::text);
SET session_replication_role = replica; CREATE TABLE t.seen AS SELECT id, ddl_text FROM t.new(); RESET session_replication_role;
SELECT t.texts_but_not_null('tables',
  'CREATE TABLE public.t1 (id serial, k text, ks text[], s character varying(3), ok text, wk text, r text, rs text[], ss character varying[], CONSTRAINT t1_pkey PRIMARY KEY (id)) WITH (fillfactor=''50'')',
  'CREATE TABLE public.t2 (c integer, d integer, e integer, f integer, g integer, h integer GENERATED ALWAYS AS ((c + 1)) STORED, i integer GENERATED ALWAYS AS IDENTITY, l text, CONSTRAINT t2_c_check CHECK ((c > 0)), CONSTRAINT t2_c_d_key UNIQUE (c, d))',
  'CREATE TABLE public.t3 (own text) INHERITS (public.old)',
  'CREATE TABLE public.t4 PARTITION OF public.parent (b DEFAULT ''q''::text, CONSTRAINT t4_a_check CHECK ((a = 1))) FOR VALUES IN (1)',
  'CREATE TABLE public.t5 (k text)', 'CREATE TABLE public.t6 (k text)', 'CREATE TABLE public.t7 (k text, s character varying[])',
  'CREATE UNLOGGED TABLE public.t8 (a integer, z integer, k text, CONSTRAINT old_z_check CHECK ((z > 0)), CONSTRAINT t8_pkey PRIMARY KEY (a))');
ALTER TABLE had ADD k kind DEFAULT 'it''s' NOT NULL, ADD x int CHECK (x > 0), ADD y int DEFAULT pg_temp.tf(7), ADD CONSTRAINT cx CHECK (a <> pg_temp.tf(5));
ALTER TABLE ONLY public.had ALTER w TYPE short USING w::text, ALTER x SET DEFAULT pg_temp.tf(), ALTER k SET NOT NULL, ALTER a SET DEFAULT 3;
ALTER TABLE had ADD e int[] DEFAULT ARRAY[1, 2], DROP CONSTRAINT cx, ADD CHECK (k IS NOT NULL), ADD v int;
ALTER TABLE had ALTER w TYPE int USING w::int, ALTER k DROP DEFAULT, ALTER k TYPE text, ALTER v TYPE short;
ALTER TABLE had ALTER v TYPE int USING length(v::kind::text);
ALTER TABLE had ADD g int GENERATED ALWAYS AS (pg_temp.tf(a)) STORED NOT NULL; ALTER TABLE had ALTER g DROP EXPRESSION;
ALTER TABLE had ADD n kind; ALTER TABLE had ADD UNIQUE (n, a), ADD UNIQUE (x); ALTER TABLE had ADD CONSTRAINT cy CHECK (n IS NULL); ALTER TABLE had DROP CONSTRAINT cy;
INSERT INTO t.seen SELECT id, ddl_text FROM t.new() WHERE NOT message ? 'replay';
SELECT t.is('not for replay', (SELECT array_agg(n ORDER BY n) FROM t.new() WHERE message ? 'replay'), '{5,7,10}');
SELECT t.texts_but_not_null('changes',
  'ALTER TABLE had ADD COLUMN k text DEFAULT ''it''''s'', ADD COLUMN x integer, ADD COLUMN y integer DEFAULT ''7'', ADD CONSTRAINT had_x_check CHECK ((x > 0))',
  'ALTER TABLE ONLY public.had ALTER COLUMN w TYPE character varying(3) USING w::pg_catalog.text::character varying(3), ALTER COLUMN x DROP DEFAULT, ALTER a SET DEFAULT 3',
  'ALTER TABLE had ADD COLUMN e integer[] DEFAULT ARRAY[1, 2], DROP CONSTRAINT IF EXISTS cx, ADD COLUMN v integer',
  'ALTER TABLE had ALTER w TYPE int USING w::int, ALTER k DROP DEFAULT, ALTER COLUMN k TYPE text USING k::pg_catalog.text::text, ALTER COLUMN v TYPE character varying(3) USING v::pg_catalog.text::character varying(3)',
  'ALTER TABLE had ALTER v TYPE int USING length(v::kind::text)',
  'ALTER TABLE had ADD COLUMN g integer', 'ALTER TABLE had ALTER g DROP EXPRESSION',
  'ALTER TABLE had ADD COLUMN n text', 'ALTER TABLE had ADD CONSTRAINT had_x_key UNIQUE (x)', 'ALTER TABLE had ADD CONSTRAINT cy CHECK (n IS NULL)', 'ALTER TABLE had DROP CONSTRAINT IF EXISTS cy');
DROP TABLE t1, t2, t3, t4, t5, t7, t8, had; CREATE TABLE had (a int PRIMARY KEY, w int); INSERT INTO had VALUES (1, 1);
\c
SET client_min_messages = error;
SELECT ddl_text FROM t.seen ORDER BY id \gexec
SELECT t.is('the rows that were there', (SELECT had::text FROM had), '(1,1,it''s,,7,"{1,2}",,,)');
