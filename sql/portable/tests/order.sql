-- requires-library: test_decoding
-- What a consumer decodes: rows stand in the order in which things were done, although they are written in subtransactions.
SELECT 1 AS made FROM pg_create_logical_replication_slot('portable_order', 'test_decoding') \gset
BEGIN; CREATE TABLE o (x int); INSERT INTO o VALUES (1); ALTER TABLE o ADD y int; SAVEPOINT s; INSERT INTO o VALUES (2, 2); DROP TABLE o; ROLLBACK TO s;
INSERT INTO o VALUES (3, 3); ALTER TABLE o DROP y; INSERT INTO o VALUES (4); COMMIT;
CREATE TABLE o2 AS SELECT 5 AS x;
SELECT t.is('order', (SELECT string_agg(CASE WHEN data LIKE 'table public.dts_ddl_command%' THEN substring(data FROM 'ddl_text\[text\]:''([^'']*)''')
    ELSE substring(data FROM ': INSERT: (.*)') END, '; ' ORDER BY n)
  FROM (SELECT data, row_number() OVER () AS n FROM pg_logical_slot_get_changes('portable_order', NULL, NULL)) d WHERE data LIKE 'table public.%'),
  'CREATE TABLE o (x int); x[integer]:1; ALTER TABLE o ADD y int; x[integer]:3 y[integer]:3; ALTER TABLE o DROP y; x[integer]:4; x[integer]:5; ' || CASE WHEN :'has95' = 't' THEN 'CREATE TABLE public.o2 (x integer)' ELSE 'CREATE TABLE o2 AS SELECT 5 AS x' END);
SELECT pg_drop_replication_slot('portable_order');
