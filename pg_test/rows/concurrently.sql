-- Commands that run several transactions of their own.
CREATE TABLE a (x int); INSERT INTO a SELECT generate_series(1, 100); SELECT t.mark();
CREATE INDEX CONCURRENTLY i ON a (x);
SELECT t.is('main object', (SELECT object_type || ' ' || object_name FROM t.new()), 'index public.i');
SELECT t.texts('CREATE INDEX CONCURRENTLY', 'CREATE INDEX CONCURRENTLY i ON a (x)');
DROP INDEX CONCURRENTLY i;
SELECT t.check('objects', (SELECT 'drop index public.i (original)' = ANY (t.objects(message)) FROM t.new()), (SELECT message::text FROM t.new()));
SELECT t.texts('DROP INDEX CONCURRENTLY', 'DROP INDEX CONCURRENTLY i');
\c
CREATE INDEX CONCURRENTLY i2 ON a (x);
SELECT t.texts('as the first DDL of a session', 'CREATE INDEX CONCURRENTLY i2 ON a (x)');
-- a failing one leaves an invalid index behind, committed by PostgreSQL, and no row
INSERT INTO a VALUES (1);
\set ON_ERROR_STOP 0
CREATE UNIQUE INDEX CONCURRENTLY u ON a (x);
\set ON_ERROR_STOP 1
SELECT t.none('failed');
DROP INDEX u;
SELECT t.texts('its removal, also where there is none', 'DROP INDEX IF EXISTS u');
CREATE MATERIALIZED VIEW mv AS SELECT * FROM a; SELECT t.mark();
REFRESH MATERIALIZED VIEW mv;
SELECT t.is('REFRESH', (SELECT tag || ' ' || object_type || ' ' || object_name FROM t.new()), 'REFRESH MATERIALIZED VIEW materialized view public.mv');
SELECT t.texts('REFRESH', 'REFRESH MATERIALIZED VIEW mv');
-- an index of a temporary table is built like any other, and is nobody's business when it is valid
CREATE TEMP TABLE tt (x int); SELECT t.mark();
CREATE INDEX CONCURRENTLY tt_index ON tt (x); SELECT t.none('temporary');
ALTER TABLE a ADD COLUMN later int; SELECT t.texts('another command, and no index', 'ALTER TABLE a ADD COLUMN later int');
CREATE INDEX a_later ON a (later); SELECT t.texts('another index', 'CREATE INDEX a_later ON a (later)');
