-- A service whose task makes, replaces or drops the three objects by itself, while the extension is there: the table of docs/dts.md.
SELECT t.fails('CREATE TABLE', 'CREATE TABLE public.dts_ddl_command (x int)', '42P07', '%already exists%');
SELECT t.mark();
SET client_min_messages = error;
CREATE TABLE IF NOT EXISTS public.dts_ddl_command (x int);
SELECT t.none('CREATE TABLE IF NOT EXISTS leaves the table alone');
SELECT t.fails(what, what || ' CASCADE', '2BP01', '%because extension dts_ddl_capture requires it%')
  FROM unnest(ARRAY['DROP TABLE public.dts_ddl_command', 'DROP FUNCTION public.dts_capture_ddl()', 'DROP EVENT TRIGGER dts_intercept_ddl']) AS what;
CREATE TABLE ours (x int);
SELECT t.one('captured by the extension');
CREATE OR REPLACE FUNCTION public.dts_capture_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.dts_ddl_command (ddl_text, event, tag) VALUES (current_query(), tg_event, tg_tag);
END $$;
CREATE TABLE theirs (x int);
SELECT t.is('captured by the other function from then on', (SELECT count(*) FROM public.dts_ddl_command WHERE ddl_text LIKE 'CREATE TABLE theirs%' AND message IS NULL), 1);
SELECT t.is('check() says so', (SELECT status || ': ' || found FROM dts_ddl.check() WHERE name = 'functions'),
  'error: public.dts_capture_ddl() has been replaced by a function in plpgsql');
