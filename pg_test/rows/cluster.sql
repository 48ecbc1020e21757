-- CLUSTER .. USING marks an index, which pg_dump shows; no event trigger is told of it. The hook records it where the library is
-- loaded. What marks nothing new gives no row.
CREATE TABLE c (id int PRIMARY KEY, v text); CREATE INDEX c_v ON c (v); INSERT INTO c SELECT g, g FROM generate_series(1, 50) g;
CREATE SCHEMA "S c"; CREATE MATERIALIZED VIEW "S c".m AS SELECT 1 AS x; CREATE UNIQUE INDEX "m i" ON "S c".m (x);
SELECT t.mark();
CLUSTER VERBOSE c USING c_pkey;
SELECT t.check('a row like any other', object_type = 'table' AND object_name = 'public.c' AND t.objects(message) = '{alter table public.c}' AND message->>'rewrites' IS NULL, message::text) FROM t.new();
SELECT t.is('tag', (SELECT tag FROM t.new()), (SELECT dts_ddl.statement_tags('CLUSTER c USING c_pkey'))[1]);
SELECT t.texts('using', 'CLUSTER VERBOSE c USING c_pkey');
CLUSTER c; CLUSTER c USING c_pkey;
SELECT t.none('marked already');
BEGIN; CLUSTER c USING c_v; ROLLBACK;
SELECT t.none('rolled back');
SELECT t.fails('an error is PostgreSQL''s own', 'CLUSTER c USING nowhere', '42704', 'index "nowhere" for table "c" does not exist');
SELECT t.fails('this one, too', 'CLUSTER nowhere USING c_v', '42P01');
CLUSTER c USING c_v\; DROP INDEX c_v;
SELECT t.texts('in a string', 'CLUSTER c USING c_v', 'DROP INDEX c_v');
DO $$ BEGIN EXECUTE 'CLUSTER "S c".m USING "m i"'; END $$;
SELECT t.is('a materialized view', (SELECT object_type || ' ' || object_name || ' ' || (message->'nesting'->>'level') FROM t.new()), 'materialized view "S c".m nested');
SELECT t.texts('nested', 'CLUSTER "S c".m USING "m i"');
CREATE TEMP TABLE tmp (x int PRIMARY KEY); CLUSTER tmp USING tmp_pkey; CLUSTER pg_temp.tmp USING tmp_pkey;
SELECT t.none('temporary');
-- an index function that queries, while the command is not over
CREATE FUNCTION f(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE y int; BEGIN SELECT count(*) + x INTO y FROM pg_catalog.pg_class WHERE relname = 'c'; RETURN y; END $$;
CREATE INDEX c_f ON c (f(id)); SELECT t.mark();
CLUSTER c USING c_f;
SELECT t.texts('an index with a function', 'CLUSTER c USING c_f');
-- the capture table itself
CLUSTER public.dts_ddl_command USING dts_ddl_command_pkey;
SELECT t.is('the capture table', (SELECT ddl_text || ' ' || (message->>'replay') FROM t.new()), 'CLUSTER public.dts_ddl_command USING dts_ddl_command_pkey false');
SELECT t.mark();
SELECT current_setting('server_version_num')::int >= 150000 AS partitioned \gset
\if :partitioned
CREATE TABLE p (x int PRIMARY KEY) PARTITION BY RANGE (x); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9); CREATE TABLE p2 PARTITION OF p DEFAULT;
SELECT t.mark();
CLUSTER p USING p_pkey;
SELECT t.is('partitioned', (SELECT object_name FROM t.new()), 'public.p');
SELECT t.texts('partitioned', 'CLUSTER p USING p_pkey');
CLUSTER p USING p_pkey;
SELECT t.none('partitioned, marked already');
\endif
-- the script runs it outside of a transaction block
SELECT t.check('script', string_agg(s, E'\n') ~ E'\nSET ROLE [^\n]*\n.set dts_ok off\nSELECT current_user [^\n]* AS ok .gset dts_\n.if :dts_ok\nSELECT \\$dts\\$CLUSTER c USING c_f\\$dts\\$ .gexec\n.else\n[^\n]*\n.endif\nSET ROLE NONE', string_agg(s, E'\n')) FROM (SELECT s::text FROM dts_ddl.script() s) x (s);
