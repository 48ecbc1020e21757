-- New tables get REPLICA IDENTITY FULL and join every publication of the prefix.
CREATE FUNCTION t.tab(rel text) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', relreplident, (SELECT string_agg(pubname, ',' ORDER BY pubname COLLATE "C") FROM pg_publication_rel r JOIN pg_publication p ON p.oid = prpubid WHERE prrelid = c.oid)) FROM pg_class c WHERE c.oid = rel::regclass $$;
SET client_min_messages = error;
SELECT t.mark();
CREATE TABLE before (x int);
SELECT t.is('full without any publication', t.tab('before'), 'f');
SELECT t.is('message', (SELECT message->>'replica_identity' FROM t.one('ri')), '["public.before"]');
CREATE PUBLICATION dts_sync_one; CREATE PUBLICATION "dts_sync_Odd ""q""; x"; CREATE PUBLICATION dts_syncopated; CREATE PUBLICATION "DTS_SYNC_upper"; CREATE PUBLICATION other; CREATE PUBLICATION dts_sync_;
SELECT t.mark();
CREATE TABLE a (id int PRIMARY KEY);
SELECT t.is('joined by prefix, the underscore is no wildcard', t.tab('a'), 'f dts_sync_,dts_sync_Odd "q"; x,dts_sync_one');
SELECT t.is('message', (SELECT string_agg((p->>'table') || ' ' || (p->>'publication'), ', ' ORDER BY p->>'publication' COLLATE "C") FROM t.one('pub'), jsonb_array_elements(message->'publications') p),
  'public.a dts_sync_, public.a dts_sync_Odd "q"; x, public.a dts_sync_one');
CREATE TABLE "T ""q""; x" ("C" int);
SELECT t.is('quoted table', t.tab('"T ""q""; x"'), 'f dts_sync_,dts_sync_Odd "q"; x,dts_sync_one');
SELECT t.mark();
DROP PUBLICATION "dts_sync_Odd ""q""; x", dts_sync_;
SELECT t.mark();
CREATE TABLE b AS SELECT 1 AS x; SELECT t.is('CREATE TABLE AS', t.tab('b'), 'f dts_sync_one');
SELECT 1 AS x INTO c; SELECT t.is('SELECT INTO', t.tab('c'), 'f dts_sync_one');
CREATE TABLE b2 AS SELECT 1 AS x WITH NO DATA; SELECT t.is('WITH NO DATA', t.tab('b2'), 'f dts_sync_one');
PREPARE p AS SELECT 1 AS x; CREATE TABLE b3 AS EXECUTE p; SELECT t.is('AS EXECUTE', t.tab('b3'), 'f dts_sync_one');
SELECT t.is('message of CREATE TABLE AS', (SELECT string_agg(concat_ws(' ', message->>'replica_identity', message->'publications'), '; ' ORDER BY n) FROM t.new() WHERE n <= 1), '["public.b"] [{"table": "public.b", "publication": "dts_sync_one"}]');
CREATE SCHEMA s CREATE TABLE e1 (x int) CREATE TABLE e2 (y int) CREATE VIEW v AS SELECT * FROM e1;
SELECT t.is('elements of CREATE SCHEMA', t.tab('s.e1') || '; ' || t.tab('s.e2'), 'f dts_sync_one; f dts_sync_one');
CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY LIST (id); CREATE TABLE p11 PARTITION OF p1 DEFAULT;
SELECT t.is('partitioned tables and partitions', concat_ws('; ', t.tab('p'), t.tab('p1'), t.tab('p11')), 'f dts_sync_one; f dts_sync_one; f dts_sync_one') ;
CREATE TABLE l (LIKE a INCLUDING ALL); SELECT t.is('LIKE', t.tab('l'), 'f dts_sync_one');
CREATE TABLE i () INHERITS (a); SELECT t.is('INHERITS', t.tab('i'), 'f dts_sync_one');
CREATE TYPE comp AS (x int); CREATE TABLE o OF comp; SELECT t.is('OF', t.tab('o'), 'f dts_sync_one');
DO $$ BEGIN CREATE TABLE n1 (x int); EXECUTE 'CREATE TABLE n2 (x int); CREATE TABLE n3 AS SELECT 1 AS x'; END $$;
SELECT t.is('nested', concat_ws('; ', t.tab('n1'), t.tab('n2'), t.tab('n3')), 'f dts_sync_one; f dts_sync_one; f dts_sync_one');
CREATE TABLE IF NOT EXISTS before (x int); ALTER TABLE before ADD COLUMN y int; SELECT t.is('existing tables are left alone', t.tab('before'), 'f');
CREATE UNLOGGED TABLE ul (x int); SELECT t.is('unlogged', t.tab('ul'), 'd');
CREATE UNLOGGED TABLE ul2 AS SELECT 1 AS x; SELECT t.is('unlogged CREATE TABLE AS', t.tab('ul2'), 'd');
CREATE TEMP TABLE tmp (x int); SELECT t.is('temporary', t.tab('tmp'), 'd');
CREATE TEMP TABLE tmp2 AS SELECT 1 AS x; SELECT t.is('temporary CREATE TABLE AS', t.tab('tmp2'), 'd');
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x; SELECT t.is('materialized view', t.tab('mv'), (SELECT relreplident::text FROM pg_class WHERE oid = 'mv'::regclass));
CREATE FOREIGN DATA WRAPPER w; CREATE SERVER se FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE ft (x int) SERVER se; SELECT t.is('foreign table', t.tab('ft'), (SELECT relreplident::text FROM pg_class WHERE oid = 'ft'::regclass));
SELECT t.is('one row per statement', (SELECT count(*) FROM t.new() WHERE tag IN ('ALTER TABLE', 'ALTER PUBLICATION')), 1);
SELECT t.sound('rows'), t.mark();
-- the user's own choices afterwards stay
CREATE TABLE mine (id int PRIMARY KEY); ALTER TABLE mine REPLICA IDENTITY DEFAULT; ALTER TABLE mine ADD COLUMN x int;
SELECT t.is('a later REPLICA IDENTITY stays', t.tab('mine'), 'd dts_sync_one');
-- the capture table itself is in no publication by this
SELECT t.is('the capture table', t.tab('public.dts_ddl_command'), 'n');
