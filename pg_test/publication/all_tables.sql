-- A publication FOR ALL TABLES covers new tables already: nothing to add, no error.
SET client_min_messages = error;
CREATE PUBLICATION dts_sync_all FOR ALL TABLES; CREATE PUBLICATION dts_sync_some; SELECT t.mark();
CREATE TABLE a (x int); CREATE TABLE b AS SELECT 1 AS x;
SELECT t.is('added to the other only', (SELECT string_agg(p.pubname || ' ' || prrelid::regclass, ',' ORDER BY prrelid::regclass::text) FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid), 'dts_sync_some a,dts_sync_some b');
SELECT t.is('published by both', (SELECT count(*) FROM pg_publication_tables WHERE tablename IN ('a', 'b')), 4);
SELECT t.is('message', (SELECT message->'publications' FROM t.new() WHERE n = 1), '[{"table": "public.a", "publication": "dts_sync_some"}]'::jsonb);
SELECT t.is('replica identity', (SELECT string_agg(relreplident::text, '' ORDER BY relname) FROM pg_class WHERE relname IN ('a', 'b') AND relkind = 'r'), 'ff');
