-- ALTER TABLE .. SET LOGGED: from then on the table takes part in replication as a new one does; rows in it never went out.
CREATE FUNCTION t.tab(rel text) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', relpersistence, relreplident, (SELECT string_agg(pubname, ',' ORDER BY pubname COLLATE "C") FROM pg_publication_rel r JOIN pg_publication p ON p.oid = prpubid WHERE prrelid = c.oid)) FROM pg_class c WHERE c.oid = rel::regclass $$;
CREATE FUNCTION t.told(name text) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', 'rewrites', message->'rewrites'->0->'table', message->'rewrites'->0->'reasons', 'ri', message->'replica_identity', 'joined', message->'publications', 'published', message->'published', 'undecoded', message->'undecoded_rows') FROM t.one(name) $$;
SET client_min_messages = error;
CREATE UNLOGGED TABLE full_one (x int); INSERT INTO full_one VALUES (1); CREATE UNLOGGED TABLE empty_one (x int); CREATE UNLOGGED TABLE emptied (x int); INSERT INTO emptied VALUES (1); DELETE FROM emptied; SELECT t.mark();
ALTER TABLE empty_one SET LOGGED; SELECT t.is('without publications', t.told('none'), 'rewrites "public.empty_one" ["persistence"] ri ["public.empty_one"] joined published undecoded'); SELECT t.is('table', t.tab('empty_one'), 'p f');
CREATE PUBLICATION dts_sync_a; CREATE PUBLICATION every FOR ALL TABLES; SELECT t.mark();
ALTER TABLE full_one SET LOGGED;
SELECT t.is('table', t.tab('full_one'), 'p f dts_sync_a');
SELECT t.is('message', t.told('full'), 'rewrites "public.full_one" ["persistence"] ri ["public.full_one"] joined [{"table": "public.full_one", "publication": "dts_sync_a"}] published [{"table": "public.full_one", "publications": ["dts_sync_a", "every"]}] undecoded ["public.full_one"]');
ALTER TABLE emptied SET LOGGED, ADD COLUMN y int;
SELECT t.is('no rows left', t.told('emptied'), 'rewrites "public.emptied" ["persistence"] ri ["public.emptied"] joined [{"table": "public.emptied", "publication": "dts_sync_a"}] published [{"table": "public.emptied", "publications": ["dts_sync_a", "every"]}] undecoded');
ALTER TABLE full_one SET LOGGED; SELECT t.is('it is already: nothing new', (SELECT count(*) FROM t.new() WHERE message ?| '{published,undecoded_rows,rewrites}'), 0); SELECT t.mark();
CREATE UNLOGGED TABLE mine (id int PRIMARY KEY); ALTER TABLE mine REPLICA IDENTITY NOTHING; SELECT t.mark();
ALTER TABLE mine SET LOGGED; SELECT t.is('the user''s own replica identity stays', t.tab('mine'), 'p n dts_sync_a'); SELECT t.mark();
BEGIN; CREATE UNLOGGED TABLE u (x int); INSERT INTO u VALUES (1); SELECT t.mark(); ALTER TABLE u SET LOGGED; COMMIT;
SELECT t.is('in one transaction', (SELECT message->>'undecoded_rows' FROM t.one('transaction')), '["public.u"]');
-- the other way: a published table cannot become unlogged, another can
DROP PUBLICATION every; DROP PUBLICATION dts_sync_a; SELECT t.mark();
ALTER TABLE full_one SET UNLOGGED; SELECT t.is('SET UNLOGGED', t.told('unlogged'), 'rewrites "public.full_one" ["persistence"] ri joined published undecoded');
DO $$ BEGIN ALTER TABLE full_one SET LOGGED; END $$; SELECT t.is('in a block, in no publication', t.told('block'), 'rewrites "public.full_one" ["persistence"] ri joined published undecoded ["public.full_one"]');
CREATE TEMP TABLE tmp (x int);
SELECT t.none('temporary');
