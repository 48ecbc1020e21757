-- requires-library: test_decoding
-- In the WAL the DDL row comes before the new table's first row, and the table's rows are decoded with it.
SELECT 'x' FROM pg_create_logical_replication_slot('order_' || :'db', 'test_decoding');
CREATE FUNCTION t.decoded() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(regexp_replace(data, '^table public\."?(\w+)"?: (\w+):.*$', '\1 \2'), ', ' ORDER BY lsn, o)
  FROM pg_logical_slot_get_changes('order_' || current_database(), NULL, NULL, 'skip-empty-xacts', '1', 'include-xids', '0') WITH ORDINALITY d(lsn, xid, data, o)
  WHERE data LIKE 'table public.%'
$$;
SELECT t.decoded() IS NULL;
CREATE TABLE a AS SELECT i AS x FROM generate_series(1, 2) i;
SELECT t.is('CREATE TABLE AS', t.decoded(), 'dts_ddl_command INSERT, a INSERT, a INSERT');
SELECT i AS x INTO b FROM generate_series(1, 2) i;
SELECT t.is('SELECT INTO', t.decoded(), 'dts_ddl_command INSERT, b INSERT, b INSERT');
PREPARE p(int) AS SELECT $1 AS x;
CREATE TABLE c AS EXECUTE p(1);
SELECT t.is('AS EXECUTE', t.decoded(), 'dts_ddl_command INSERT, c INSERT');
CREATE TABLE d AS SELECT 1 AS x WITH NO DATA;
SELECT t.is('WITH NO DATA', t.decoded(), 'dts_ddl_command INSERT');
BEGIN;
INSERT INTO d VALUES (1);
CREATE TABLE e AS SELECT * FROM d;
INSERT INTO e VALUES (2);
ALTER TABLE e ADD COLUMN y int;
INSERT INTO e VALUES (3, 3);
COMMIT;
SELECT t.is('within a transaction', t.decoded(), 'd INSERT, dts_ddl_command INSERT, e INSERT, e INSERT, dts_ddl_command INSERT, e INSERT');
DO $$ DECLARE v int := 7; BEGIN CREATE TABLE f AS SELECT v AS x; EXECUTE 'CREATE TABLE g AS SELECT $1 AS x' USING v; END $$;
SELECT t.is('in a block', t.decoded(), 'dts_ddl_command INSERT, f INSERT, dts_ddl_command INSERT, g INSERT');
CREATE TABLE h (x int)\; INSERT INTO h VALUES (1)\; CREATE TABLE i AS SELECT * FROM h\; DROP TABLE h;
SELECT t.is('in a string', t.decoded(), 'dts_ddl_command INSERT, h INSERT, dts_ddl_command INSERT, i INSERT, dts_ddl_command INSERT');
CREATE PUBLICATION dts_sync_order;
SELECT t.decoded();
CREATE TABLE j AS SELECT 1 AS x;
SELECT t.is('with a publication', t.decoded(), 'dts_ddl_command INSERT, j INSERT');
\c
CREATE TABLE k AS SELECT 1 AS x;
SELECT t.is('first DDL of a session', t.decoded(), 'dts_ddl_command INSERT, k INSERT');
CREATE TABLE l AS SELECT i AS x FROM generate_series(1, 200000) i;
SELECT t.is('a large one streams in the same order', (SELECT left(t.decoded(), 40)), 'dts_ddl_command INSERT, l INSERT, l INSE');
-- rows that were pruned are decoded all the same; a consumer of WAL loses nothing
SET dts_ddl_capture.max_rows = 1;
CREATE TABLE m (x int); CREATE TABLE n (x int); CREATE TABLE o (x int);
SELECT t.is('pruned rows were decoded as inserts', (SELECT count(*) FROM regexp_matches(t.decoded(), 'dts_ddl_command INSERT', 'g')), 3);
SELECT 'x' FROM pg_drop_replication_slot('order_' || :'db');
