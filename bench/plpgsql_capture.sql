-- The PL/pgSQL capture whose documented behaviour the extension replaces, as a yardstick for bench/run. Written from the
-- published description: every DDL command adds one row with the client's query string; on CREATE TABLE the new table
-- gets REPLICA IDENTITY FULL and joins the publications whose names begin with dts_sync_; 10,000 rows are kept by
-- deleting the oldest.
CREATE TABLE public.dts_ddl_command (
  ddl_text text, id bigserial PRIMARY KEY, event text, tag text, username varchar, database varchar, schema varchar,
  object_type varchar, object_name varchar, client_address varchar, client_port integer, event_time timestamptz,
  txid_current varchar(128), message text);

CREATE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  ddl text := current_query();
  created record;
  publication name;
BEGIN
  IF tg_tag = 'CREATE TABLE' THEN
    FOR created IN SELECT object_identity FROM pg_event_trigger_ddl_commands()
                   WHERE command_tag = 'CREATE TABLE' AND object_type = 'table' LOOP
      EXECUTE 'ALTER TABLE ' || created.object_identity || ' REPLICA IDENTITY FULL';
      FOR publication IN SELECT pubname FROM pg_publication WHERE pubname LIKE 'dts_sync_%' LOOP
        EXECUTE 'ALTER PUBLICATION ' || quote_ident(publication) || ' ADD TABLE ' || created.object_identity;
      END LOOP;
    END LOOP;
  END IF;
  INSERT INTO public.dts_ddl_command
      (ddl_text, event, tag, username, database, schema, client_address, client_port, event_time, txid_current)
    VALUES (ddl, tg_event, tg_tag, current_user, current_database(), current_schema(), inet_client_addr()::varchar,
            inet_client_port(), current_timestamp, txid_current()::varchar);
  IF (SELECT count(*) FROM public.dts_ddl_command) > 10000 THEN
    DELETE FROM public.dts_ddl_command WHERE id = (SELECT min(id) FROM public.dts_ddl_command);
  END IF;
END
$$;

CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE FUNCTION public.dts_capture_ddl();
