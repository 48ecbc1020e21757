-- requires: 15
-- ALTER TABLE .. SET ACCESS METHOD rewrites; default_table_access_method is a setting that matters.
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE a (x int);
SELECT t.mark();
ALTER TABLE a SET ACCESS METHOD heap2;
SELECT t.is('reason', (SELECT message->'rewrites'->0->>'reasons' FROM t.one('am')), '["access method"]');
SET default_table_access_method = heap2;
CREATE TABLE b (x int);
SELECT t.is('setting', (SELECT message->'settings'->>'default_table_access_method' FROM t.one('setting')), 'heap2');
CREATE TABLE c AS SELECT 1 AS x;
RESET default_table_access_method;
CREATE TABLE d USING heap2 AS SELECT 1 AS x;
SELECT t.check('access method kept', (SELECT ddl_text LIKE 'CREATE TABLE public.d (x integer) USING heap2%' FROM t.new() ORDER BY n DESC LIMIT 1), (SELECT ddl_text FROM t.new() ORDER BY n DESC LIMIT 1));
SELECT t.sound('am'), t.mark();
