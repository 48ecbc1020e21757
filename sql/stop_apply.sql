-- What dts_ddl.stop_apply() does, as the body of a DO block.
DECLARE
  -- the argument of dts_ddl.stop_apply()
  capture constant boolean := {capture};
  next_id bigint;
BEGIN
  LOCK TABLE public.dts_ddl_command IN ACCESS EXCLUSIVE MODE;
  IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'public.dts_ddl_command'::regclass AND t.tgname = 'dts_apply_row') THEN
    RAISE NOTICE 'DDL of another server was not applied here';
  ELSE
    DROP TRIGGER dts_apply_once ON public.dts_ddl_command;
    DROP TRIGGER dts_apply_row ON public.dts_ddl_command;
    DROP TRIGGER dts_apply_copied ON public.dts_ddl_command;
    ALTER EVENT TRIGGER dts_intercept_subscribe DISABLE;
    ALTER EVENT TRIGGER dts_intercept_subscribed DISABLE;
  END IF;
  SELECT greatest(CASE WHEN s.is_called THEN s.last_value ELSE 0 END, (SELECT max(c.id) FROM public.dts_ddl_command c), 0) + 1
    INTO next_id FROM public.dts_ddl_command_id_seq s;
  EXECUTE format('ALTER SEQUENCE public.dts_ddl_command_id_seq INCREMENT BY 1 RESTART WITH %s', next_id);
  IF capture THEN
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
