-- Takes all rows out of all tables, whatever refers to them: for a file of proof/fidelity --rows that cannot run with rows.
SET client_min_messages = error;
SET session_replication_role = replica;
DO $$ DECLARE the_table regclass; BEGIN
  FOR the_table IN SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DELETE FROM %s', the_table);
  END LOOP;
END $$;
