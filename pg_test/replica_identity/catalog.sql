-- requires-extension: amcheck
-- REPLICA IDENTITY FULL is written past CatalogTupleUpdate(): also where a row of pg_class goes to another page its indexes have it.
CREATE EXTENSION amcheck;
DO $$ BEGIN FOR i IN 1 .. 150 LOOP EXECUTE format('CREATE TABLE %s (id int)', rpad('crowd_' || i || '_', 60, 'x')); END LOOP; END $$;
SELECT t.is('FULL', (SELECT string_agg(DISTINCT relreplident::text, '') FROM pg_class WHERE relname LIKE 'crowd%'), 'f');
SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid = 'pg_class'::regclass;
DO $$ BEGIN FOR i IN 1 .. 150 LOOP EXECUTE format('DROP TABLE %s', rpad('crowd_' || i || '_', 60, 'x')); END LOOP; END $$;
