-- The user's own event triggers beside ours, firing before and after by name, with DDL of their own.
CREATE TABLE log (what text);
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (tg_event || ' ' || tg_tag); END $$;
CREATE FUNCTION ddl_too() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_tag = 'CREATE TABLE' AND coalesce(current_setting('test.inside', true), '') <> 'yes' AND NOT EXISTS (SELECT FROM pg_class WHERE relname = 'made_by_' || replace(tg_event, 'ddl_command_', '')) THEN
    PERFORM set_config('test.inside', 'yes', true);
    EXECUTE format('CREATE TABLE made_by_%s (x int); COMMENT ON TABLE made_by_%1$s IS ''x''', replace(tg_event, 'ddl_command_', ''));
    PERFORM set_config('test.inside', 'no', true);
  END IF;
END $$;
CREATE FUNCTION dropped() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP INSERT INTO log VALUES ('dropped ' || r.object_identity); END LOOP; END $$;
CREATE FUNCTION objects() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP INSERT INTO log VALUES ('object ' || r.object_identity); END LOOP; END $$;
SELECT t.mark();
CREATE EVENT TRIGGER aaa_note ON ddl_command_end EXECUTE FUNCTION note();
CREATE EVENT TRIGGER zzz_note ON ddl_command_end EXECUTE FUNCTION note();
CREATE EVENT TRIGGER aaa_objects ON ddl_command_end EXECUTE FUNCTION objects();
CREATE EVENT TRIGGER zzz_dropped ON sql_drop EXECUTE FUNCTION dropped();
SELECT t.none('event triggers are not reported themselves');
CREATE TABLE a (x int);
DROP TABLE a;
SELECT t.texts('ours is right beside them', 'CREATE TABLE a (x int)', 'DROP TABLE a');
SELECT t.is('theirs too', (SELECT string_agg(what, ', ') FROM log WHERE what !~ 'pg_|type|a\[\]'), 'ddl_command_end CREATE TABLE, object public.a, ddl_command_end CREATE TABLE, dropped public.a, dropped public.a, ddl_command_end DROP TABLE, ddl_command_end DROP TABLE');
-- DDL inside them, before and after ours by name, at start and end
CREATE EVENT TRIGGER aaa_start ON ddl_command_start EXECUTE FUNCTION ddl_too();
CREATE EVENT TRIGGER aaa_end ON ddl_command_end EXECUTE FUNCTION ddl_too();
CREATE TABLE outer_t (x int);
SELECT t.is('each statement has its own row', (SELECT string_agg(ddl_text, '; ' ORDER BY ddl_text COLLATE "C") FROM t.new()),
  $$COMMENT ON TABLE made_by_end IS 'x'; COMMENT ON TABLE made_by_start IS 'x'; CREATE TABLE made_by_end (x int); CREATE TABLE made_by_start (x int); CREATE TABLE outer_t (x int)$$);
SELECT t.is('each row names its own object', (SELECT bool_and(ddl_text LIKE '%' || replace(object_name, 'public.', '') || ' %') FROM t.new()), true);
SELECT t.sound('rows'), t.mark();
DROP EVENT TRIGGER aaa_start; DROP EVENT TRIGGER aaa_end; DROP TABLE made_by_end, made_by_start; SELECT t.mark();
CREATE EVENT TRIGGER zzz_start ON ddl_command_start EXECUTE FUNCTION ddl_too();
CREATE EVENT TRIGGER zzz_end ON ddl_command_end EXECUTE FUNCTION ddl_too();
CREATE TABLE outer_as AS SELECT 1 AS x\; CREATE TABLE outer_u (x int);
SELECT t.is('firing after ours, in a string, with CREATE TABLE AS', (SELECT string_agg(ddl_text, '; ' ORDER BY ddl_text COLLATE "C") FROM t.new()),
  $$COMMENT ON TABLE made_by_end IS 'x'; COMMENT ON TABLE made_by_start IS 'x'; CREATE TABLE made_by_end (x int); CREATE TABLE made_by_start (x int); CREATE TABLE outer_u (x int); CREATE TABLE public.outer_as (x integer)$$);
SELECT t.sound('rows'), t.mark();
\c
DROP TABLE made_by_end, made_by_start; SELECT t.mark();
\c
CREATE TABLE first_of_session (x int);
SELECT t.is('as the first DDL of a session', (SELECT string_agg(ddl_text, '; ' ORDER BY ddl_text COLLATE "C") FROM t.new()),
  $$COMMENT ON TABLE made_by_end IS 'x'; COMMENT ON TABLE made_by_start IS 'x'; CREATE TABLE first_of_session (x int); CREATE TABLE made_by_end (x int); CREATE TABLE made_by_start (x int)$$);
SELECT t.mark();
-- one that forbids
DROP EVENT TRIGGER zzz_start; DROP EVENT TRIGGER zzz_end;
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF tg_tag = 'CREATE VIEW' THEN RAISE EXCEPTION 'no views' USING ERRCODE = 'P0007'; END IF; END $$;
CREATE EVENT TRIGGER zzz_forbid ON ddl_command_end EXECUTE FUNCTION forbid();
SELECT t.mark();
SELECT t.fails('forbidden after our row was written', 'CREATE VIEW nope AS SELECT 1 AS x', 'P0007', 'no views');
SELECT t.none('nothing is left');
CREATE TABLE allowed (x int);
SELECT t.texts('and the next', 'CREATE TABLE allowed (x int)');
