-- requires: 15
-- FOR TABLES IN SCHEMA covers new tables of that schema; column lists and row filters of others do no harm.
SET client_min_messages = error;
CREATE SCHEMA covered; CREATE SCHEMA open; CREATE TABLE open.filtered (id int PRIMARY KEY, x int);
CREATE PUBLICATION dts_sync_schema FOR TABLES IN SCHEMA covered; CREATE PUBLICATION dts_sync_filter FOR TABLE open.filtered (id) WHERE (id > 5); SELECT t.mark();
CREATE TABLE covered.a (x int); CREATE TABLE open.a (x int); CREATE TABLE covered.b AS SELECT 1 AS x;
SELECT t.is('only where it is not covered', (SELECT string_agg(p.pubname || ' ' || prrelid::regclass, ', ' ORDER BY p.pubname, prrelid::regclass::text) FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid),
  'dts_sync_filter covered.a, dts_sync_filter covered.b, dts_sync_filter open.a, dts_sync_filter open.filtered, dts_sync_schema open.a');
SELECT t.is('published', (SELECT count(*) FROM pg_publication_tables WHERE pubname = 'dts_sync_schema'), 3);
CREATE TABLE covered.p (id int) PARTITION BY LIST (id); CREATE TABLE open.p1 PARTITION OF covered.p DEFAULT;
SELECT t.is('a partition elsewhere of a covered parent: published once', (SELECT count(*) FROM pg_publication_tables WHERE pubname = 'dts_sync_schema' AND tablename = 'p1'), 1);
SELECT t.sound('rows'), t.mark();
