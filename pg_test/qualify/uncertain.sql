-- dts_ddl_capture.qualify_names: off, what is not certain, what stays, and that nothing fails by it.
CREATE SCHEMA a; CREATE SCHEMA b;
CREATE TYPE b.pair AS (x int, y int); CREATE TABLE a.one (id int PRIMARY KEY, p b.pair);
CREATE FUNCTION a.f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION b.f(text) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION b.area(a.one) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION b.same(b.pair, b.pair) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR b.= (function = b.same, leftarg = b.pair, rightarg = b.pair);
SET search_path = a, b; SELECT t.mark();
CREATE VIEW off AS SELECT * FROM one;
SELECT t.is('off', (SELECT concat_ws(' ', ddl_text, message->'original', message->'unqualified') FROM t.new()), 'CREATE VIEW off AS SELECT * FROM one');
SET dts_ddl_capture.qualify_names = on; SELECT t.mark();
CREATE VIEW number AS SELECT f(1) AS x;
SELECT t.texts('by what it depends on', 'CREATE VIEW a.number AS SELECT a.f(1) AS x');
CREATE VIEW letter AS SELECT f('x'::text) AS x;
SELECT t.texts('of a later schema', 'CREATE VIEW a.letter AS SELECT b.f(''x''::text) AS x');
CREATE VIEW neither AS SELECT id = 1 AS x, id IN (2, 3) AS y, CASE id WHEN 1 THEN 2 END AS z FROM one JOIN one AS o USING (id);
SELECT t.texts('of pg_catalog, since it depends on no other', 'CREATE VIEW a.neither AS SELECT id = 1 AS x, id IN (2, 3) AS y, CASE id WHEN 1 THEN 2 END AS z FROM a.one JOIN a.one AS o USING (id)');
CREATE FUNCTION t.unsure(name text, text text, reason text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $fn$
DECLARE r record;
BEGIN
  SELECT * INTO STRICT r FROM t.new();
  PERFORM t.is(name, r.ddl_text, text);
  PERFORM t.is(name || ': why', r.message->'unqualified', to_jsonb(string_to_array(reason, '; ')));
  PERFORM t.is(name || ': no other', r.message->'original', NULL);
  PERFORM t.mark();
  RETURN 'ok';
END $fn$;
SELECT t.mark();
CREATE VIEW two_f AS SELECT f(1) AS x, f('x'::text) AS y;
SELECT t.unsure('two of a name', 'CREATE VIEW two_f AS SELECT f(1) AS x, f(''x''::text) AS y', 'function f: which of several');
CREATE VIEW within AS SELECT p IN (p) AS x FROM one;
SELECT t.unsure('IN of a user''s operator', 'CREATE VIEW within AS SELECT p IN (p) AS x FROM one', 'operator =: no schema can be named there');
CREATE VIEW mixed AS SELECT p = p AS x, id = 1 AS y FROM one;
SELECT t.unsure('an operator and another', 'CREATE VIEW mixed AS SELECT p = p AS x, id = 1 AS y FROM one', 'operator =: which of several');
CREATE TABLE used (id int); SELECT t.mark();
ALTER TABLE used ALTER id TYPE bigint USING f(id);
SELECT t.unsure('what is not stored', 'ALTER TABLE used ALTER id TYPE bigint USING f(id)', 'function f: which of several');
CREATE VIEW like_column AS SELECT one.area FROM one;
SELECT t.unsure('written like a column', 'CREATE VIEW like_column AS SELECT one.area FROM one', 'function area: may be written like a column');
CREATE PUBLICATION nobody FOR TABLE used;
SELECT t.is('not for replay', (SELECT ddl_text || (message->'unqualified' IS NULL) || (message->>'replay') FROM t.new()), 'CREATE PUBLICATION nobody FOR TABLE usedtruefalse');
DROP PUBLICATION nobody; SELECT t.mark();
-- What has a schema, or none
ALTER TABLE a.one ADD c int; COMMENT ON SCHEMA a IS 'x';
SELECT t.is('nothing to do', (SELECT string_agg(concat_ws(' ', ddl_text, message->'original', message->'unqualified'), '; ' ORDER BY id) FROM t.new()), 'ALTER TABLE a.one ADD c int; COMMENT ON SCHEMA a IS ''x''');
SELECT t.mark();
CREATE TEMP TABLE gone (x int); CREATE TEMP VIEW gone_too AS SELECT * FROM gone, one; DROP TABLE gone CASCADE;
SELECT t.is('temporary', (SELECT count(*) FROM t.new()), 0::bigint);
-- pg_catalog is searched later
SET search_path = a, pg_catalog, b; SELECT t.mark();
CREATE TABLE catalog (x int4, y text DEFAULT lower('A'), CHECK (x > 1)); SET search_path = a, b;
SELECT t.texts('pg_catalog', 'CREATE TABLE a.catalog (x pg_catalog.int4, y pg_catalog.text DEFAULT pg_catalog.lower(''A''), CHECK (x OPERATOR(pg_catalog.>) 1))');
-- The commands of one string, and what is not sent
CREATE TABLE multi (x int)\; CREATE VIEW multi_v AS SELECT * FROM multi\; ALTER VIEW multi_v RENAME TO multi_w;
SELECT t.texts('one string', 'CREATE TABLE a.multi (x int)', 'CREATE VIEW a.multi_v AS SELECT * FROM a.multi', 'ALTER VIEW a.multi_v RENAME TO multi_w');
CREATE TABLE filled AS SELECT * FROM multi_w;
SELECT t.texts('CREATE TABLE AS', 'CREATE TABLE a.filled (x integer)');
INSERT INTO multi VALUES (1);
ALTER TABLE multi ADD who text DEFAULT current_user || f(1)::text;
SELECT t.is('a value', (SELECT regexp_replace(ddl_text, 'ADD who text DEFAULT ''[^'']*1''', 'ADD who text DEFAULT ?') FROM t.new()), 'ALTER TABLE a.multi ADD who text DEFAULT ?::pg_catalog.text, ALTER COLUMN who SET DEFAULT current_user || a.f(1)::text');
SELECT t.is('as sent', (SELECT message->'original'->>'text' FROM t.new()), 'ALTER TABLE multi ADD who text DEFAULT current_user || f(1)::text');
SELECT t.mark();
-- What is large
DO $do$
DECLARE names text; began timestamptz;
BEGIN
  FOR i IN 1..1500 LOOP EXECUTE format('CREATE TABLE b.n%s ()', i); END LOOP;
  SELECT string_agg('n' || i, ', ' ORDER BY i) INTO names FROM generate_series(1, 1500) AS i;
  PERFORM t.mark();
  EXECUTE 'DROP TABLE ' || names;
  PERFORM t.is('many', (SELECT ddl_text FROM t.new()), 'DROP TABLE ' || replace('b.' || replace(names, ', ', ', b.'), '  ', ' '));
  FOR depth IN 1..12 LOOP
    SET dts_ddl_capture.qualify_names = off;
    BEGIN
      EXECUTE format('CREATE VIEW deep AS SELECT id%s AS x FROM one', repeat(' + id', depth * 1000));
      DROP VIEW deep;
    EXCEPTION WHEN statement_too_complex THEN EXIT;
    END;
    SET dts_ddl_capture.qualify_names = on; PERFORM t.mark();
    EXECUTE format('CREATE VIEW deep AS SELECT id%s AS x FROM one', repeat(' + id', depth * 1000));
    PERFORM t.check('deep: ' || depth, (SELECT ddl_text LIKE '%FROM a.one' OR message->'unqualified' IS NOT NULL FROM t.new()));
    DROP VIEW deep;
  END LOOP;
END $do$;
SET dts_ddl_capture.qualify_names = on;
-- An error of the user's is his
SELECT t.fails('an error', 'CREATE VIEW none AS SELECT * FROM nowhere', '42P01', 'relation "nowhere" does not exist');
SELECT t.fails('another', 'DROP FUNCTION nothing(nowhere)', '42704', 'type "nowhere" does not exist');
RESET search_path;
CREATE ROLE qualify_two; SET ROLE qualify_two;
SELECT t.fails('for superusers', 'SET dts_ddl_capture.qualify_names = off', '42501');
RESET ROLE; DROP ROLE qualify_two;
-- A dependency may come from elsewhere in the command: of a check that is inherited
SET search_path = a, b; SET dts_ddl_capture.qualify_names = on;
CREATE TABLE checked (n int, p pair CHECK (p OPERATOR(b.=) ROW(1, 1)::pair)); SELECT t.mark();
CREATE TABLE child (CHECK (n = 1)) INHERITS (checked);
SELECT t.unsure('an inherited check', 'CREATE TABLE child (CHECK (n = 1)) INHERITS (checked)', 'operator =: which of several');
-- What is not there is looked for elsewhere by nobody
CREATE TABLE here (i int); SELECT t.mark();
DROP TABLE IF EXISTS absent, here;
SELECT t.texts('IF EXISTS', 'DROP TABLE IF EXISTS a.absent, a.here');
-- Rows are written to tables, whatever a WITH clause calls its own
CREATE VIEW written AS SELECT 1 AS i; CREATE TABLE log (i int); SELECT t.mark();
CREATE RULE r AS ON INSERT TO written DO INSTEAD (WITH log AS (SELECT 1) INSERT INTO log VALUES (NEW.i));
SELECT t.texts('the target of an INSERT', 'CREATE RULE r AS ON INSERT TO a.written DO INSTEAD (WITH log AS (SELECT 1) INSERT INTO a.log VALUES (NEW.i))');
