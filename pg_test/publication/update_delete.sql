-- What the replica identity is for: UPDATE and DELETE of a new table without a key work under a publication at once.
CREATE PUBLICATION dts_sync_x;
CREATE TABLE a (x int); INSERT INTO a VALUES (1); UPDATE a SET x = 2; DELETE FROM a;
CREATE TABLE b AS SELECT 1 AS x; UPDATE b SET x = 2; DELETE FROM b;
BEGIN; CREATE TABLE c (x int); INSERT INTO c VALUES (1); UPDATE c SET x = 2; CREATE TABLE d AS SELECT * FROM c; UPDATE d SET x = 3; DELETE FROM d; COMMIT;
CREATE TABLE e (x int)\; INSERT INTO e VALUES (1)\; UPDATE e SET x = 2\; SELECT 1 AS x INTO f\; UPDATE f SET x = 2;
SELECT t.is('all of them', (SELECT string_agg(relname::text || relreplident::text, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('a', 'b', 'c', 'd', 'e', 'f') AND relnamespace = 'public'::regnamespace), 'af,bf,cf,df,ef,ff');
SELECT t.is('relcache agrees with the catalog', (SELECT count(*) FROM pg_publication_tables), 6);
