-- The functions called by hand, by whoever may: an error, never a crash, never a row.
CREATE FUNCTION t.direct(f text) RETURNS text LANGUAGE plpgsql AS $fn$
DECLARE st text; msg text;
BEGIN
  BEGIN
    EXECUTE format('SELECT %s()', f);
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS st = RETURNED_SQLSTATE, msg = MESSAGE_TEXT;
    -- PostgreSQL itself may refuse the pseudo-type before the function is reached
    PERFORM t.is(f, st || ' ' || msg, format('39P03 function "%s" was not called by the event trigger manager', split_part(f, '.', 2)));
    RETURN 'ok ' || f;
  END;
  RAISE EXCEPTION 'TEST FAILED: % could be called', f;
END $fn$;
SELECT t.mark();
SELECT t.direct('public.dts_capture_ddl');
SELECT t.direct('dts_ddl.capture_start');
SELECT t.direct('dts_ddl.capture_drop');
SELECT t.direct('dts_ddl.capture_rewrite');
SELECT t.none('no rows from direct calls');
-- as the event trigger function of the wrong event
CREATE EVENT TRIGGER wrong_event ON ddl_command_start EXECUTE FUNCTION public.dts_capture_ddl();
SELECT t.mark();
\set ON_ERROR_STOP 0
CREATE TABLE x (a int);
\set wrong_state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP 1
SET session_replication_role = replica;
DROP EVENT TRIGGER wrong_event;
RESET session_replication_role;
SELECT t.check('wrong event: refused or without effect', :'wrong_state' IN ('00000', '39P03'), :'wrong_state');
DROP TABLE IF EXISTS x;
-- with arguments and as a trigger of a table it cannot even be declared
CREATE TABLE y (a int);
SELECT t.fails('as a table trigger', 'CREATE TRIGGER z BEFORE INSERT ON y FOR EACH ROW EXECUTE FUNCTION public.dts_capture_ddl()', '42P17');
-- other functions under the same C symbols, which anybody with the right to LANGUAGE C could make
SELECT t.is('statement_tags of nothing', dts_ddl.statement_tags(''), '{}'::text[]);
SELECT t.is('statement_tags of two', dts_ddl.statement_tags('CREATE TABLE a(); ; DROP TABLE b;'), '{CREATE TABLE,DROP TABLE}'::text[]);
SELECT t.is('statement_tags of NULL', dts_ddl.statement_tags(NULL), NULL::text[]);
SELECT t.fails('statement_tags of nonsense', $$SELECT dts_ddl.statement_tags('CREATE NONSENSE')$$, '42601');
