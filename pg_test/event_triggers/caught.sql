-- Another event trigger runs SQL in a block that catches its error: what was written in that block is rolled back with it, the row of the
-- command is not lost. test.mode says what the block does and how it ends.
CREATE TABLE t.audit (what text NOT NULL, n int);
CREATE FUNCTION t.fail() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'on purpose'; END $$;
CREATE FUNCTION a_work() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE mode text := coalesce(current_setting('test.mode', true), '');
BEGIN
  IF current_setting('test.inside', true) = 'yes' THEN RETURN; END IF;
  PERFORM set_config('test.inside', 'yes', true);
  IF mode ~ '^insert' THEN
    BEGIN
      INSERT INTO t.audit VALUES (tg_tag);
      IF mode ~ 'fail' THEN PERFORM 1/0; END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END IF;
  IF mode ~ '^ddl' THEN
    BEGIN
      EXECUTE 'CREATE TYPE of_trigger AS ENUM ()';
      IF mode ~ 'fail' THEN PERFORM 1/0; END IF;
      EXECUTE 'DROP TYPE of_trigger';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END IF;
  IF mode ~ '^deep' THEN
    BEGIN
      BEGIN INSERT INTO t.audit VALUES (tg_tag); EXCEPTION WHEN OTHERS THEN NULL; END;
      BEGIN INSERT INTO t.audit VALUES (tg_tag); PERFORM 1/0; EXCEPTION WHEN OTHERS THEN NULL; END;
      IF mode ~ 'fail' THEN PERFORM t.fail(); END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END IF;
  IF mode ~ '^twice' THEN
    FOR i IN 1 .. 3 LOOP
      BEGIN INSERT INTO t.audit VALUES (tg_tag, i); PERFORM t.fail(); EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
    IF mode ~ 'then' THEN INSERT INTO t.audit VALUES (tg_tag); END IF;
  END IF;
  PERFORM set_config('test.inside', 'no', true);
END $$;
CREATE EVENT TRIGGER a_end ON ddl_command_end EXECUTE FUNCTION a_work();
CREATE EVENT TRIGGER a_drop ON sql_drop EXECUTE FUNCTION a_work();
SELECT t.mark();

-- The same commands, whatever the block does: first what they give without it.
CREATE PROCEDURE t.commands() LANGUAGE plpgsql AS $p$
BEGIN
  EXECUTE 'CREATE TABLE one (i int PRIMARY KEY, b int)';
  EXECUTE 'CREATE VIEW v AS SELECT 1 AS x';
  EXECUTE 'CREATE TABLE two AS SELECT 1 AS y';
  EXECUTE 'CREATE TABLE three AS SELECT 1 AS z';
  EXECUTE 'CREATE SCHEMA s CREATE TABLE four (x int) CREATE VIEW w AS SELECT 2 AS x';
  EXECUTE 'CREATE TABLE IF NOT EXISTS one (x int)';
  EXECUTE 'ALTER TABLE one ADD COLUMN c int, DROP COLUMN b';
  EXECUTE 'ALTER TABLE one ALTER c TYPE bigint';
  EXECUTE 'COMMENT ON TABLE one IS ''x''';
  EXECUTE 'GRANT SELECT ON one, two TO PUBLIC';
  EXECUTE 'CREATE INDEX ON two (y)';
  EXECUTE 'CREATE TEMP TABLE tmp (x int)';
  EXECUTE 'DROP TABLE tmp, three';
  EXECUTE 'DROP VIEW v';
  EXECUTE 'DROP SCHEMA s CASCADE';
  EXECUTE 'DROP TABLE one, two';
END $p$;
CREATE FUNCTION t.taken() RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
  r := (SELECT string_agg(concat_ws(' | ', n.tag, n.ddl_text, n.object_type, n.object_name, array_to_string(t.objects(n.message), ', '), n.message -> 'replica_identity'), E'\n' ORDER BY n.n)
        FROM t.new() n WHERE n.ddl_text !~ 'of_trigger');
  PERFORM t.sound('rows'), t.mark();
  RETURN r;
END $$;
SELECT t.mark();
SET client_min_messages = error;
CALL t.commands();
SELECT t.taken() AS plain \gset
SELECT t.check('there are some', :'plain' ~ 'DROP TABLE three' AND :'plain' ~ 'drop table column public.one.b', :'plain');
\set variants '''insert'', ''insert fail'', ''ddl'', ''ddl fail'', ''deep'', ''deep fail'', ''twice'', ''twice then'''
CREATE PROCEDURE t.compare(plain text, modes text[]) LANGUAGE plpgsql AS $p$
DECLARE m text;
BEGIN
  FOREACH m IN ARRAY modes LOOP
    PERFORM set_config('test.mode', m, false);
    CALL t.commands();
    COMMIT;
    PERFORM set_config('test.mode', '', false);
    PERFORM t.is('with ' || m, t.taken(), plain);
  END LOOP;
END $p$;
SET test.mode = ''; SELECT t.mark();
CALL t.compare(:'plain', ARRAY[:variants]);
SELECT t.is('no gap', dts_ddl.gaps(), 0);
\c
SET client_min_messages = error;
SET dts_ddl_capture.on_error = 'warning';
CALL t.compare(:'plain', ARRAY[:variants]);
SELECT t.is('no gap with on_error = warning', dts_ddl.gaps(), 0);

-- at top level, as the first DDL of a session
\c
SET test.mode = 'insert fail';
CREATE VIEW first_of_session AS SELECT 1 AS x;
SET test.mode = '';
SELECT t.texts('first DDL of a session', 'CREATE VIEW first_of_session AS SELECT 1 AS x');
-- the block is in the user's code, not in the trigger: command and row go together
SET test.mode = 'insert';
DO $$ BEGIN CREATE TABLE gone (x int); PERFORM 1/0; EXCEPTION WHEN OTHERS THEN NULL; END $$;
BEGIN; SAVEPOINT a; CREATE TABLE gone (x int); ROLLBACK TO a; CREATE TABLE stays (x int); RELEASE a; COMMIT;
SET test.mode = '';
SELECT t.texts('rolled back by the user', 'CREATE TABLE stays (x int)');
-- what a sql_drop trigger makes comes after the drop, also when its name sorts before ours
DROP EVENT TRIGGER a_end; DROP EVENT TRIGGER a_drop;
CREATE TABLE k (a int);
CREATE FUNCTION again() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF tg_tag = 'DROP TABLE' THEN CREATE TABLE k (a int, again int); END IF; END $$;
CREATE EVENT TRIGGER a_again ON sql_drop EXECUTE FUNCTION again(); SELECT t.mark();
DROP TABLE k;
DROP EVENT TRIGGER a_again;
SELECT t.is('order', (SELECT string_agg(ddl_text, ';' ORDER BY n) FROM t.new()), 'DROP TABLE k;CREATE TABLE k (a int, again int)');
SELECT t.is('objects of the drop', (SELECT t.objects(message) FROM t.new() WHERE tag = 'DROP TABLE'), ARRAY['drop table public.k (original)']);
