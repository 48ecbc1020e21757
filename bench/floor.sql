-- The floor for bench/: the table of the contract, and the event trigger of bench/floor.c.
CREATE TABLE public.dts_ddl_command (
  ddl_text text, id bigserial PRIMARY KEY, event text, tag text, username varchar, database varchar, schema varchar,
  object_type varchar, object_name varchar, client_address varchar, client_port integer, event_time timestamptz,
  txid_current varchar(128), message text);
CREATE FUNCTION floor_trigger() RETURNS event_trigger LANGUAGE c AS 'FLOOR_LIBRARY';
CREATE EVENT TRIGGER floor_trigger ON ddl_command_end EXECUTE FUNCTION floor_trigger();
