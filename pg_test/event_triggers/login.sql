-- requires: 17
-- DDL in a login event trigger: no statement of a client is running, and the library is loaded only now.
CREATE TABLE visits (n int);
CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 'by_login') THEN
    CREATE TABLE by_login (x int);
    EXECUTE '/* c */ CREATE TABLE by_login2 (x int); COMMENT ON TABLE by_login2 IS ''x''';
    CREATE TABLE by_login3 AS SELECT 1 AS x;
  END IF;
END $$;
CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login();
SELECT t.mark();
\c
SELECT t.texts('login', 'CREATE TABLE by_login (x int)', 'CREATE TABLE by_login2 (x int)', $$COMMENT ON TABLE by_login2 IS 'x'$$, 'CREATE TABLE public.by_login3 (x integer)');
CREATE TABLE after_login (x int);
SELECT t.texts('and after it', 'CREATE TABLE after_login (x int)');
