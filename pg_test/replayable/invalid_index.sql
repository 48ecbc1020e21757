-- Indexes that a failed CREATE INDEX CONCURRENTLY left: no other server has them.
SET client_min_messages = error;
CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);
CREATE TABLE p (x int) PARTITION BY LIST (x); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (0, 1); CREATE INDEX pi ON ONLY p ((1 / x)); INSERT INTO p VALUES (0);
SELECT t.mark();
\set ON_ERROR_STOP 0
CREATE UNIQUE INDEX CONCURRENTLY ai ON a (x);
CREATE UNIQUE INDEX CONCURRENTLY "A, j" ON a (x);
CREATE UNIQUE INDEX CONCURRENTLY "B" ON a (x);
CREATE INDEX CONCURRENTLY p1i ON p1 ((1 / x));
\set ON_ERROR_STOP 1
SELECT t.is('they are there', (SELECT count(*) FROM pg_index WHERE NOT indisvalid AND indrelid IN ('a'::regclass, 'p1'::regclass)), 4);
SELECT t.none('failed');
ALTER INDEX ai RENAME TO ai2;
SELECT t.is('ALTER INDEX', (SELECT message->'replay' FROM t.one('alter')), 'false'::jsonb);
ALTER INDEX pi ATTACH PARTITION p1i;
SELECT t.is('ATTACH PARTITION', (SELECT message->'replay' FROM t.one('attach')), 'false'::jsonb);
DROP INDEX /* c */ "A, j";
SELECT t.is('DROP', (SELECT concat_ws('|', ddl_text, message->'original'->>'text', message->'replay') FROM t.one('drop')), 'DROP INDEX /* c */ IF EXISTS "A, j"|DROP INDEX /* c */ "A, j"|false');
DROP INDEX"B";
SELECT t.is('DROP without a space', (SELECT ddl_text FROM t.one('drop')), 'DROP INDEX IF EXISTS "B"');
DELETE FROM a; DELETE FROM p;
\c
SET client_min_messages = error;
LOAD 'dts_ddl_capture';
REINDEX INDEX ai2;
SELECT t.is('REINDEX', (SELECT concat_ws('|', tag, ddl_text, message->'original'->>'text') FROM t.one('reindex')),
  'CREATE INDEX|CREATE UNIQUE INDEX IF NOT EXISTS ai2 ON public.a USING btree (x)|REINDEX INDEX ai2');
REINDEX INDEX CONCURRENTLY p1i;
SELECT t.texts('REINDEX CONCURRENTLY', 'CREATE INDEX IF NOT EXISTS p1i ON public.p1 USING btree (((1 / x)))', 'ALTER INDEX public.pi ATTACH PARTITION public.p1i');
CREATE INDEX pj ON ONLY p (x); CREATE INDEX p1j ON p1 (x); SELECT t.mark();
ALTER INDEX pj ATTACH PARTITION p1j;
SELECT t.is('ATTACH PARTITION of a valid one', (SELECT message ? 'replay' FROM t.one('attach')), false);
DROP INDEX ai2;
SELECT t.texts('a valid one', 'DROP INDEX ai2');
