-- What dts_ddl.start_apply() does, as the body of a DO block: a function in PL/pgSQL would tie the extension to that one.
DECLARE
  -- the arguments of dts_ddl.start_apply()
  after_id constant bigint := {after_id};
  server_number constant integer := {server_number};
  trust_source constant boolean := {trust_source};
  own constant regclass := 'public.dts_ddl_command';
  removed bigint;
  next_id bigint;
  present name;
  grantee text;
BEGIN
  LOCK TABLE public.dts_ddl_command IN ACCESS EXCLUSIVE MODE;
  IF server_number IS NULL THEN
    -- A source may send the deletions of its retention (before 1.7.0; if its DBA wants it so): under NOTHING they are refused here
    -- once the table is published.
    IF (SELECT c.relreplident = 'n' FROM pg_class c WHERE c.oid = own) THEN
      ALTER TABLE public.dts_ddl_command REPLICA IDENTITY DEFAULT;
    END IF;
    ALTER EVENT TRIGGER dts_intercept_start DISABLE;
    ALTER EVENT TRIGGER dts_intercept_drop DISABLE;
    ALTER EVENT TRIGGER dts_intercept_rewrite DISABLE;
    ALTER EVENT TRIGGER dts_intercept_ddl DISABLE;
    RAISE NOTICE USING
      MESSAGE = 'DDL of this database is not captured while it applies DDL of another server',
      HINT = 'dts_ddl.stop_apply(capture => true) switches capture on again.';
    IF NOT EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srrelid = own) THEN
      DELETE FROM public.dts_ddl_command;
      GET DIAGNOSTICS removed = ROW_COUNT;
      IF removed > 0 THEN
        RAISE NOTICE USING MESSAGE = format('rows of DDL commands that were captured here and are removed, since the source gives the ids: %s', removed);
      END IF;
    END IF;
  ELSE
    SELECT greatest(s.last_value, after_id, (SELECT max(c.id) FROM public.dts_ddl_command c), 0)
      INTO next_id FROM public.dts_ddl_command_id_seq s;
    next_id := next_id + 1 + (16 + server_number - (next_id + 1) % 16) % 16;
    EXECUTE format('ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT BY 16 RESTART WITH %s', next_id);
  END IF;
  ALTER SEQUENCE dts_ddl.restored RESTART;
  IF after_id IS NULL THEN
    ALTER SEQUENCE dts_ddl.apply_after RESTART;
  ELSE
    PERFORM setval('dts_ddl.apply_after', after_id);
  END IF;
  IF trust_source THEN
    PERFORM setval('dts_ddl.trust_source', 1);
  ELSIF NOT trust_source THEN
    ALTER SEQUENCE dts_ddl.trust_source RESTART;
  END IF;
  PERFORM setval('dts_ddl.apply_since', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
  IF to_regclass('dts_ddl.apply_log') IS NULL THEN
    CREATE TABLE dts_ddl.apply_log (
      entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id bigint NOT NULL,
      status text NOT NULL,
      tag text,
      role text,
      finished timestamptz NOT NULL,
      duration_ms double precision,
      sqlstate text,
      error text,
      note text,
      ddl_text text
    );
    COMMENT ON TABLE dts_ddl.apply_log IS 'What became of each DDL command that logical replication has brought';
    COMMENT ON COLUMN dts_ddl.apply_log.entry IS 'Number of the entry, in the order in which they were written';
    COMMENT ON COLUMN dts_ddl.apply_log.id IS 'Id of the command in public.dts_ddl_command';
    COMMENT ON COLUMN dts_ddl.apply_log.status IS 'applied, failed, skipped (by dts_ddl.skip), history (not newer than after_id), not for replay';
    COMMENT ON COLUMN dts_ddl.apply_log.tag IS 'Command tag';
    COMMENT ON COLUMN dts_ddl.apply_log.role IS 'Role that ran the command on the source';
    COMMENT ON COLUMN dts_ddl.apply_log.finished IS 'Clock time of the entry';
    COMMENT ON COLUMN dts_ddl.apply_log.duration_ms IS 'Time that the command took here, in milliseconds';
    COMMENT ON COLUMN dts_ddl.apply_log.sqlstate IS 'SQLSTATE of the error, of failed commands only';
    COMMENT ON COLUMN dts_ddl.apply_log.error IS 'Message and DETAIL of the error, of failed commands only';
    COMMENT ON COLUMN dts_ddl.apply_log.note IS 'What the DBA should know: rows that are not in the stream, settings or roles that do not exist here';
    COMMENT ON COLUMN dts_ddl.apply_log.ddl_text IS 'The statement, of failed commands only';
    COMMENT ON SEQUENCE dts_ddl.apply_log_entry_seq IS 'Numbers the entries of dts_ddl.apply_log';
    COMMENT ON INDEX dts_ddl.apply_log_pkey IS 'Entries of dts_ddl.apply_log by number';
    CREATE INDEX apply_log_id ON dts_ddl.apply_log (id);
    COMMENT ON INDEX dts_ddl.apply_log_id IS 'Entries of dts_ddl.apply_log by id of the command';
    CREATE TABLE dts_ddl.apply_skip (id bigint PRIMARY KEY, since timestamptz NOT NULL DEFAULT clock_timestamp());
    COMMENT ON TABLE dts_ddl.apply_skip IS 'DDL commands that are not to be run here; written by dts_ddl.skip()';
    COMMENT ON COLUMN dts_ddl.apply_skip.id IS 'Id of the command';
    COMMENT ON COLUMN dts_ddl.apply_skip.since IS 'When dts_ddl.skip() was called';
    COMMENT ON INDEX dts_ddl.apply_skip_pkey IS 'Commands that are not to be run, by id';
    -- default privileges would give others rights on them
    FOR grantee IN
      SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
       WHERE c.oid IN ('dts_ddl.apply_log'::regclass, 'dts_ddl.apply_log_entry_seq'::regclass, 'dts_ddl.apply_skip'::regclass)
         AND a.grantee <> c.relowner
    LOOP
      EXECUTE format('REVOKE ALL ON dts_ddl.apply_log, dts_ddl.apply_log_entry_seq, dts_ddl.apply_skip FROM %s CASCADE', grantee);
    END LOOP;
    CREATE TRIGGER own_rows BEFORE INSERT OR UPDATE OR DELETE ON dts_ddl.apply_log FOR EACH ROW EXECUTE FUNCTION dts_ddl.own_rows();
    CREATE TRIGGER own_rows BEFORE INSERT OR UPDATE OR DELETE ON dts_ddl.apply_skip FOR EACH ROW EXECUTE FUNCTION dts_ddl.own_rows();
    COMMENT ON TRIGGER own_rows ON dts_ddl.apply_log IS 'Keeps rows of other servers out';
    COMMENT ON TRIGGER own_rows ON dts_ddl.apply_skip IS 'Keeps rows of other servers out';
    ALTER TABLE dts_ddl.apply_log ENABLE REPLICA TRIGGER own_rows;
    ALTER TABLE dts_ddl.apply_skip ENABLE REPLICA TRIGGER own_rows;
    ALTER EXTENSION dts_ddl_capture ADD TABLE dts_ddl.apply_log;
    -- pg_dump of some minors (16.2) crashes over the sequence of a member that is no member itself
    ALTER EXTENSION dts_ddl_capture ADD SEQUENCE dts_ddl.apply_log_entry_seq;
    ALTER EXTENSION dts_ddl_capture ADD TABLE dts_ddl.apply_skip;
    CREATE EVENT TRIGGER dts_intercept_subscribe ON ddl_command_start
      WHEN TAG IN ('CREATE SUBSCRIPTION', 'DROP EXTENSION', 'DROP OWNED', 'DROP SCHEMA', 'ALTER SCHEMA') EXECUTE FUNCTION dts_ddl.subscribe_start();
    COMMENT ON EVENT TRIGGER dts_intercept_subscribe IS 'Extension dts_ddl_capture: a subscription of a destination begins, or a command that could take the extension away';
    CREATE EVENT TRIGGER dts_intercept_subscribed ON ddl_command_end
      WHEN TAG IN ('CREATE SUBSCRIPTION') EXECUTE FUNCTION dts_ddl.subscribe_end();
    COMMENT ON EVENT TRIGGER dts_intercept_subscribed IS 'Extension dts_ddl_capture: a subscription of a destination has been made';
    ALTER EXTENSION dts_ddl_capture ADD EVENT TRIGGER dts_intercept_subscribe;
    ALTER EXTENSION dts_ddl_capture ADD EVENT TRIGGER dts_intercept_subscribed;
  END IF;
  ALTER EVENT TRIGGER dts_intercept_subscribe ENABLE;
  ALTER EVENT TRIGGER dts_intercept_subscribed ENABLE;
  IF (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = own AND t.tgenabled = 'R'
       AND t.tgname IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')) = 3 THEN
    RETURN;
  END IF;
  -- somebody may have dropped or disabled one of them
  FOR present IN
    SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = own AND t.tgname IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')
  LOOP
    EXECUTE format('DROP TRIGGER %I ON public.dts_ddl_command', present);
  END LOOP;
  CREATE TRIGGER dts_apply_once BEFORE INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION dts_ddl.apply_once();
  CREATE TRIGGER dts_apply_row AFTER INSERT ON public.dts_ddl_command FOR EACH ROW EXECUTE FUNCTION dts_ddl.apply_row();
  CREATE TRIGGER dts_apply_copied AFTER INSERT ON public.dts_ddl_command FOR EACH STATEMENT EXECUTE FUNCTION dts_ddl.apply_copied();
  COMMENT ON TRIGGER dts_apply_once ON public.dts_ddl_command IS 'Extension dts_ddl_capture: a row that was applied already stays out';
  COMMENT ON TRIGGER dts_apply_row ON public.dts_ddl_command IS 'Extension dts_ddl_capture: the command of a replicated row is run';
  COMMENT ON TRIGGER dts_apply_copied ON public.dts_ddl_command IS 'Extension dts_ddl_capture: the newer commands of the initial copy are run';
  ALTER TABLE public.dts_ddl_command ENABLE REPLICA TRIGGER dts_apply_once;
  ALTER TABLE public.dts_ddl_command ENABLE REPLICA TRIGGER dts_apply_row;
  ALTER TABLE public.dts_ddl_command ENABLE REPLICA TRIGGER dts_apply_copied;
END
