-- message.nesting: top level, or inside what (innermost first).
CREATE FUNCTION t.inside() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(concat_ws(' < ', message->'nesting'->>'level', (SELECT string_agg(x, ' < ' ORDER BY o) FROM jsonb_array_elements_text(message->'nesting'->'inside') WITH ORDINALITY j(x, o) WHERE x !~ '^SQL (statement|expression) ')), '; ' ORDER BY n) FROM t.new() $$;
CREATE FUNCTION st() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CREATE TABLE a (x int);
  EXECUTE 'DROP TABLE a';
END $$;
CREATE FUNCTION sq() RETURNS void LANGUAGE sql AS 'SELECT 1; CREATE TABLE b (x int); DROP TABLE b';
CREATE FUNCTION outer_f() RETURNS void LANGUAGE plpgsql AS $$
BEGIN

  PERFORM st();
END $$;
SELECT t.mark();
CREATE TABLE top (x int)\; CREATE TABLE top2 AS SELECT 1 AS x;
SELECT t.is('top', t.inside(), 'top; top'), t.mark();
SELECT st();
SELECT t.is('static and EXECUTE', t.inside(), 'nested < PL/pgSQL function st() line 3 at SQL statement; nested < PL/pgSQL function st() line 4 at EXECUTE'), t.mark();
SELECT sq();
SELECT t.is('SQL function', t.inside(), 'nested < SQL function "sq" statement 2; nested < SQL function "sq" statement 3'), t.mark();
SELECT outer_f();
SELECT t.is('two levels', t.inside(), 'nested < PL/pgSQL function st() line 3 at SQL statement < PL/pgSQL function outer_f() line 4 at PERFORM; nested < PL/pgSQL function st() line 4 at EXECUTE < PL/pgSQL function outer_f() line 4 at PERFORM'), t.mark();
DO $$ BEGIN PERFORM outer_f(); END $$;
SELECT t.check('DO block outermost', t.inside() LIKE 'nested < PL/pgSQL function st() line 3 at SQL statement < PL/pgSQL function outer_f() line 4 at PERFORM < PL/pgSQL function inline_code_block line 1 at PERFORM; %', t.inside()), t.mark();
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE by_trigger (x int); RETURN NULL; END $$;
CREATE TABLE trig (x int); CREATE TRIGGER tr AFTER INSERT ON trig FOR EACH ROW EXECUTE FUNCTION tf(); SELECT t.mark();
INSERT INTO trig VALUES (1);
SELECT t.is('trigger', t.inside(), 'nested < PL/pgSQL function tf() line 1 at SQL statement'), t.mark();
DO $$ BEGIN CREATE TABLE c AS SELECT 1 AS x; END $$;
SELECT t.is('CREATE TABLE AS', t.inside(), 'nested < PL/pgSQL function inline_code_block line 1 at SQL statement'), t.mark();
\c
DO $$ BEGIN EXECUTE 'DROP TABLE c'; END $$;
SELECT t.is('first DDL of a session', t.inside(), 'nested < PL/pgSQL function inline_code_block line 1 at EXECUTE');
