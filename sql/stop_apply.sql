-- What dts_ddl.stop_apply() and dts_ddl.start_capture() do, as the body of a DO block.
DECLARE
  -- the argument of dts_ddl.stop_apply(); NULL: dts_ddl.start_capture()
  capture constant boolean := {capture};
  next_id bigint;
  present name;
BEGIN
  LOCK TABLE public.dts_ddl_command IN ACCESS EXCLUSIVE MODE;
  -- somebody may have dropped one or two of them
  IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'public.dts_ddl_command'::regclass
                  AND t.tgname IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')) THEN
    IF capture IS NOT NULL THEN
      RAISE NOTICE 'DDL of another server was not applied here';
    END IF;
  ELSIF capture IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'this database applies DDL of another server',
      HINT = 'dts_ddl.stop_apply(capture => true) makes a source of it.';
  ELSE
    FOR present IN
      SELECT t.tgname FROM pg_trigger t
       WHERE t.tgrelid = 'public.dts_ddl_command'::regclass AND t.tgname IN ('dts_apply_once', 'dts_apply_row', 'dts_apply_copied')
    LOOP
      EXECUTE format('DROP TRIGGER %I ON public.dts_ddl_command', present);
    END LOOP;
    IF (SELECT c.relreplident = 'd' FROM pg_class c WHERE c.oid = 'public.dts_ddl_command'::regclass) THEN
      ALTER TABLE public.dts_ddl_command REPLICA IDENTITY NOTHING;
    END IF;
    ALTER EVENT TRIGGER dts_intercept_subscribe DISABLE;
    ALTER EVENT TRIGGER dts_intercept_subscribed DISABLE;
  END IF;
  -- objects older than 1.2.0 do not have it
  IF to_regclass('dts_ddl.trust_source') IS NOT NULL THEN
    ALTER SEQUENCE dts_ddl.trust_source RESTART;
  END IF;
  SELECT greatest(CASE WHEN s.is_called THEN s.last_value ELSE 0 END, (SELECT max(c.id) FROM public.dts_ddl_command c), 0) + 1
    INTO next_id FROM public.dts_ddl_command_id_seq s;
  EXECUTE format('ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT BY 1 RESTART WITH %s', next_id);
  -- the ids below are given: dts_ddl.last_id() and dts_ddl.check() see that
  IF next_id > 1 THEN
    PERFORM setval('public.dts_ddl_command_id_seq', next_id - 1);
  END IF;
  ALTER SEQUENCE dts_ddl.restored RESTART;
  IF capture IS DISTINCT FROM false THEN
    ALTER EVENT TRIGGER dts_intercept_start ENABLE;
    ALTER EVENT TRIGGER dts_intercept_drop ENABLE;
    ALTER EVENT TRIGGER dts_intercept_rewrite ENABLE;
    ALTER EVENT TRIGGER dts_intercept_ddl ENABLE;
  ELSIF EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_ddl' AND e.evtenabled = 'D') THEN
    RAISE NOTICE USING
      MESSAGE = 'DDL of this database is not captured',
      HINT = 'dts_ddl.stop_apply(capture => true) switches capture on.';
  END IF;
END
