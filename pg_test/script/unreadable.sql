-- Rows that the owner has changed by hand.
CREATE FUNCTION t.unreadable(name text, change text, want_detail text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; n bigint := (SELECT max(id) FROM public.dts_ddl_command);
BEGIN
  BEGIN
    EXECUTE 'UPDATE public.dts_ddl_command SET ' || change || ' WHERE id = ' || n;
    PERFORM t.fails(name, 'SELECT dts_ddl.script()', '55000', format('the DDL row with id %s cannot be read', n));
    PERFORM dts_ddl.script();
  EXCEPTION WHEN object_not_in_prerequisite_state THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL; END;
  PERFORM t.check(name || ': DETAIL', d LIKE want_detail, d);
  RETURN 'ok ' || name;
END $$;
CREATE TABLE a (x int); CREATE TABLE b (x int);
SELECT t.unreadable('no JSON', $$message = 'nonsense'$$, 'Its "message" is not the JSON document: expected % at line 1 column %');
SELECT t.unreadable('another document', $$message = '"text"'$$, 'Its "message" is not the JSON document: %');
SELECT t.unreadable('a wrong type', $$message = '{"v": 1, "settings": []}'$$, 'Its "message" is not the JSON document: %');
SELECT t.unreadable('no version', $$message = '{}'$$, 'Its "message" is not the JSON document: missing field %v%');
SELECT t.unreadable('a newer version', $$message = '{"v": 2}'$$, 'Its "message" has version 2; %');
SELECT t.unreadable('no message', 'message = NULL', 'Its "message" is NULL.');
SELECT t.unreadable('no text', 'ddl_text = NULL', 'Its "ddl_text" is NULL.');
SELECT t.is('others are readable', (SELECT count(*) FROM dts_ddl.script(up_to_id => (SELECT max(id) - 1 FROM public.dts_ddl_command))), (SELECT count(*) + 1 FROM public.dts_ddl_command));
-- what is no command tag or no SQL does no harm
UPDATE public.dts_ddl_command SET tag = E'X`echo`\n\\! x', ddl_text = 'CREATE INDEX nonsense (', message = '{"v": 1, "superuser": true}' WHERE id = (SELECT max(id) FROM public.dts_ddl_command);
SELECT t.is('a row by hand', (SELECT replace(string_agg(s, ''), current_user, 'ME') FROM dts_ddl.script((SELECT max(id) - 1 FROM public.dts_ddl_command)) s WHERE s LIKE E'\n%'), replace('
-- @ ?
\echo @ ?
BEGIN;
SET LOCAL search_path TO '''';
SET LOCAL ROLE "ME";
SELECT $dts$CREATE INDEX nonsense ($dts$ \gexec
COMMIT;', '@', (SELECT max(id)::text FROM public.dts_ddl_command)));
UPDATE public.dts_ddl_command SET tag = 'CREATE INDEX' WHERE id = (SELECT max(id) FROM public.dts_ddl_command);
SELECT t.check('a text that does not parse', (SELECT string_agg(s, '') FROM dts_ddl.script() s) LIKE '%BEGIN;%nonsense%');
UPDATE public.dts_ddl_command SET username = NULL WHERE id = (SELECT max(id) FROM public.dts_ddl_command);
SELECT t.is('no role', (SELECT string_agg(s, '') FROM dts_ddl.script((SELECT max(id) - 1 FROM public.dts_ddl_command)) s WHERE s LIKE E'\n%'), replace('
-- @ CREATE INDEX
-- not run: the role that ran it had been dropped
-- CREATE INDEX nonsense (', '@', (SELECT max(id)::text FROM public.dts_ddl_command)));
-- the table itself
SET session_replication_role = replica;
ALTER TABLE public.dts_ddl_command DROP CONSTRAINT dts_ddl_command_pkey;
SELECT t.fails('no primary key', 'SELECT dts_ddl.script()', '55000', 'capture table "public.dts_ddl_command" has been altered');
ALTER TABLE public.dts_ddl_command ADD PRIMARY KEY (client_port, id);
SELECT t.fails('another primary key', 'SELECT dts_ddl.script()', '55000', 'capture table "public.dts_ddl_command" has been altered');
ALTER TABLE public.dts_ddl_command RENAME TO elsewhere;
SELECT t.fails('no table', 'SELECT dts_ddl.script()', '55000', 'capture table "public.dts_ddl_command" does not exist');
SELECT t.fails('no table: last_id', 'SELECT dts_ddl.last_id()', '55000', 'capture table "public.dts_ddl_command" does not exist');
