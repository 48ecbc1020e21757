-- requires: 17
-- REINDEX is reported from 17 on: one row however many indexes it rebuilt.
CREATE TABLE a (id int PRIMARY KEY, x int); CREATE INDEX i ON a (x); SELECT t.mark();
REINDEX TABLE a;
SELECT t.texts('table', 'REINDEX TABLE a');
REINDEX INDEX i;
SELECT t.texts('index', 'REINDEX INDEX i');
REINDEX (VERBOSE) TABLE CONCURRENTLY a;
SELECT t.texts('concurrently', 'REINDEX (VERBOSE) TABLE CONCURRENTLY a');
SELECT t.mark(); CREATE INDEX i1 ON a (x); SELECT t.mark();
REINDEX TABLE CONCURRENTLY a;
SELECT t.is('names stay', (SELECT message->>'made' FROM t.one('concurrently, a digit')), NULL);
DROP INDEX i1; SELECT t.mark();
REINDEX SCHEMA public;
SELECT t.is('schema', (SELECT string_agg(DISTINCT ddl_text, ',') FROM t.new()), 'REINDEX SCHEMA public');
SELECT t.texts('schema', 'REINDEX SCHEMA public');
CREATE TEMP TABLE tmp (x int PRIMARY KEY);
REINDEX TABLE tmp;
SELECT t.none('temporary');
