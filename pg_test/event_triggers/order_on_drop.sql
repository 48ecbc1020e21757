-- DDL that another event trigger runs at the end of a DROP comes after the DROP, also when that trigger's name sorts first.
CREATE TABLE k (a int);
CREATE FUNCTION again() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF tg_tag = 'DROP TABLE' THEN CREATE TABLE k (a int, again int); END IF;
END $$;
CREATE EVENT TRIGGER aaa_again ON ddl_command_end EXECUTE FUNCTION again();
SELECT t.mark();
DROP TABLE k;
DROP EVENT TRIGGER aaa_again;
SELECT t.is('order', (SELECT string_agg(ddl_text, ';' ORDER BY n) FROM t.new()), 'DROP TABLE k;CREATE TABLE k (a int, again int)');
SELECT t.is('objects of the drop', (SELECT message -> 'objects' -> 0 ->> 'identity' FROM t.new() WHERE tag = 'DROP TABLE'), 'public.k');
