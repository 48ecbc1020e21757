-- The statement out of its string: what is stored is exactly one statement, from its first token to its last.
-- psql sends as one string what is joined by \;
CREATE TABLE a (x int);
SELECT t.rows('one statement', 'CREATE TABLE a (x int)');

CREATE VIEW v AS SELECT 1 AS v, E'\x41;' AS e, 2 AS n, 3 AS f; ALTER TABLE v RENAME TO x; DROP VIEW x;
SELECT t.rows('names of one letter', 'CREATE VIEW v AS SELECT 1 AS v, E''\x41;'' AS e, 2 AS n, 3 AS f', 'ALTER TABLE v RENAME TO x', 'DROP VIEW x');

  /* before */ -- and before
CREATE TABLE b /* inside; */ (x int DEFAULT 1 -- trailing; comment
) /* behind */ ;
SELECT t.rows('comments', E'CREATE TABLE b /* inside; */ (x int DEFAULT 1 -- trailing; comment\n)');

CREATE TABLE c (x int)\; INSERT INTO c VALUES (1)\; /* ; */ COMMENT ON TABLE c IS 'a;b''c;'\; ALTER TABLE c ADD y text DEFAULT E'\';'\;;
SELECT t.rows('several in one string', 'CREATE TABLE c (x int)', 'COMMENT ON TABLE c IS ''a;b''''c;''', 'ALTER TABLE c ADD y text DEFAULT E''\'';''');

ALTER TABLE c ADD z1 int\; ALTER TABLE c ADD z2 int\; SELECT 1\; ALTER TABLE c ADD z3 int;
SELECT t.rows('the same tag and object, by order', 'ALTER TABLE c ADD z1 int', 'ALTER TABLE c ADD z2 int', 'ALTER TABLE c ADD z3 int');

BEGIN\; CREATE TABLE d (x int)\; ROLLBACK\; BEGIN\; CREATE TABLE d (y int)\; SAVEPOINT s\; ALTER TABLE d ADD a int\; ROLLBACK TO s\; ALTER TABLE d ADD b int\; COMMIT;
SELECT t.rows('rolled back in the string', 'CREATE TABLE d (y int)', 'ALTER TABLE d ADD b int');

CREATE TEMP TABLE e (x int)\; CREATE TABLE IF NOT EXISTS d (z int)\; DROP TABLE IF EXISTS nothing\; CREATE TABLE e1 (x int)\; DROP TABLE e\; DROP TABLE e1;
\if :has95
SELECT t.rows('temporary and no-ops between', 'CREATE TABLE e1 (x int)', 'DROP TABLE e1');
\else
SELECT t.rows('temporary between; 9.4 does not tell that nothing was done', 'CREATE TABLE IF NOT EXISTS d (z int)', 'CREATE TABLE e1 (x int)', 'DROP TABLE e1');
\endif

CREATE FUNCTION f1() RETURNS text LANGUAGE sql AS $a$ SELECT 'x;'::text; $a$\; CREATE FUNCTION f2() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; /* $a$ */ END $$\; GRANT EXECUTE ON FUNCTION f1() TO PUBLIC\; REVOKE ALL ON FUNCTION f2() FROM PUBLIC;
SELECT t.rows('dollar quotes', 'CREATE FUNCTION f1() RETURNS text LANGUAGE sql AS $a$ SELECT ''x;''::text; $a$',
  'CREATE FUNCTION f2() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; /* $a$ */ END $$', 'GRANT EXECUTE ON FUNCTION f1() TO PUBLIC', 'REVOKE ALL ON FUNCTION f2() FROM PUBLIC');

CREATE TABLE "semi;colon" ("a""b;" int, /* /* nested; */ ; */ "ü;" int, a$b$c int)\; CREATE RULE r AS ON INSERT TO "semi;colon" DO ALSO (DELETE FROM c; DELETE FROM d)\; COMMENT ON COLUMN "semi;colon"."a""b;" IS $q$;$q$\; DROP TABLE "semi;colon";
SELECT t.rows('quoted names, nested comments, rules', 'CREATE TABLE "semi;colon" ("a""b;" int, /* /* nested; */ ; */ "ü;" int, a$b$c int)',
  'CREATE RULE r AS ON INSERT TO "semi;colon" DO ALSO (DELETE FROM c; DELETE FROM d)', 'COMMENT ON COLUMN "semi;colon"."a""b;" IS $q$;$q$', 'DROP TABLE "semi;colon"');

SET standard_conforming_strings = off; SET escape_string_warning = off;
COMMENT ON TABLE c IS 'it\'s; so'\; COMMENT ON TABLE d IS 'a\\'\; SELECT 1;
SELECT t.rows('standard_conforming_strings = off', E'COMMENT ON TABLE c IS ''it\\''s; so''', E'COMMENT ON TABLE d IS ''a\\\\''');
SET standard_conforming_strings = on;

\if :has14
CREATE FUNCTION f3(i int) RETURNS int BEGIN ATOMIC SELECT CASE i WHEN 1 THEN 2 END; SELECT 3 AS "end"; END\; CREATE FUNCTION f4() RETURNS int RETURN 1\; DROP FUNCTION f3;
SELECT t.rows('SQL-standard bodies', 'CREATE FUNCTION f3(i int) RETURNS int BEGIN ATOMIC SELECT CASE i WHEN 1 THEN 2 END; SELECT 3 AS "end"; END', 'CREATE FUNCTION f4() RETURNS int RETURN 1', 'DROP FUNCTION f3');
\endif

-- commands that raise no event stand in between
CREATE ROLE :"role1"\; GRANT :"role1" TO :"admin"\; COMMENT ON ROLE :"role1" IS 'r'\; GRANT CONNECT ON DATABASE :"db" TO PUBLIC\; GRANT SELECT ON c TO :"role1"\; DROP OWNED BY :"role1"\; DROP ROLE :"role1";
SELECT t.is('roles between', (SELECT string_agg(tag, ',' ORDER BY id) FROM t.new()), CASE WHEN :'has95' = 't' THEN 'GRANT,' ELSE '' END || 'DROP OWNED');
SELECT t.mark();

-- nested
DO $$ BEGIN CREATE TABLE n1 (x int); EXECUTE 'CREATE TABLE "n""2" ("a
b" int); COMMENT ON TABLE "n""2" IS ''x'''; EXECUTE 'ALTER TABLE n1 ADD y int; ALTER TABLE n1 ADD z int'; END $$;
SELECT t.is('nested: flags', (SELECT string_agg(coalesce(message ->> 'flags', '-'), ' ' ORDER BY id) FROM t.new()), CASE WHEN :'has95' = 't' THEN '- ' ELSE '' END || '- - - -');
SELECT t.is('nested: inside', (SELECT message -> 'nesting' ->> 'inside' FROM t.new() ORDER BY id LIMIT 1), '["PL/pgSQL function inline_code_block line 1 at SQL statement"]');
SELECT t.rows('nested', 'CREATE TABLE n1 (x int)', E'CREATE TABLE "n""2" ("a\nb" int)', 'COMMENT ON TABLE "n""2" IS ''x''',
  'ALTER TABLE n1 ADD y int', 'ALTER TABLE n1 ADD z int');

-- several of the same tag and object in one EXECUTE: by order, over calls in between, again and again, not beyond a rollback
CREATE TABLE p (x int); CREATE FUNCTION between_() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER TABLE p ADD i int; ALTER TABLE p DROP i'; END $$;
SELECT t.mark();
DO $$ BEGIN FOR n IN 1 .. 2 LOOP EXECUTE 'ALTER TABLE p ADD a int; SELECT between_(); ALTER TABLE p DROP a; GRANT SELECT ON p TO PUBLIC; GRANT INSERT ON p TO PUBLIC'; END LOOP; END $$;
SELECT t.rows('nested, by order', 'ALTER TABLE p ADD a int', 'ALTER TABLE p ADD i int', 'ALTER TABLE p DROP i', 'ALTER TABLE p DROP a', 'GRANT SELECT ON p TO PUBLIC', 'GRANT INSERT ON p TO PUBLIC',
  'ALTER TABLE p ADD a int', 'ALTER TABLE p ADD i int', 'ALTER TABLE p DROP i', 'ALTER TABLE p DROP a', 'GRANT SELECT ON p TO PUBLIC', 'GRANT INSERT ON p TO PUBLIC');
CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    EXECUTE 'ALTER TABLE p ADD b int; ALTER TABLE p ADD c int; SELECT 1 / 0; ALTER TABLE p ADD d int';
  EXCEPTION WHEN division_by_zero THEN
    EXECUTE 'ALTER TABLE p ADD e int; ALTER TABLE p ADD f int; CREATE INDEX ON p (e)';
  END;
END $$;
SELECT t.mark();
SELECT fails()\; ALTER TABLE p DROP e\; DO 'BEGIN PERFORM between_(); END';
SELECT t.is('after a rollback: flagged, and known again', (SELECT string_agg(coalesce(message ->> 'flags', ddl_text), ' ' ORDER BY id) FROM t.new()),
  '["whole string"] ["whole string"] CREATE INDEX ON p (e) ALTER TABLE p DROP e ALTER TABLE p ADD i int ALTER TABLE p DROP i');
SELECT t.mark();
-- what is noted is in no setting, and a session that makes PostgreSQL forget what is in its sequences is told nothing wrong
DO $$ BEGIN EXECUTE 'GRANT SELECT ON p TO PUBLIC; SELECT set_config(''dts_ddl_portable.places'', '''', false); GRANT DELETE ON p TO PUBLIC'; END $$;
SELECT t.rows('settings say nothing', 'GRANT SELECT ON p TO PUBLIC', 'GRANT DELETE ON p TO PUBLIC');
GRANT SELECT ON p TO PUBLIC\; DISCARD SEQUENCES\; GRANT UPDATE ON p TO PUBLIC\; COMMENT ON TABLE p IS 'p';
SELECT t.is('DISCARD: flagged', (SELECT string_agg(coalesce(message ->> 'flags', ddl_text), ' ' ORDER BY id) FROM t.new()), CASE WHEN :'has95' = 't' THEN '["whole string"] ["whole string"] COMMENT ON TABLE p IS ''p''' END);
SELECT t.mark();
-- settings that change how a time is written say nothing, either
ALTER TABLE p ADD z1 int\; SET TimeZone = 'Asia/Tokyo'\; ALTER TABLE p ADD z2 int\; SET DateStyle = 'SQL, DMY'\; ALTER TABLE p ADD z3 int\; SET extra_float_digits = -15\; ALTER TABLE p ADD z4 int;
DO $$ BEGIN EXECUTE 'ALTER TABLE p DROP z1; SET TimeZone = ''UTC''; ALTER TABLE p DROP z2; SET DateStyle = ''ISO, MDY''; ALTER TABLE p DROP z3; SET extra_float_digits = 0; ALTER TABLE p DROP z4'; END $$;
SELECT t.rows('by order, over settings', 'ALTER TABLE p ADD z1 int', 'ALTER TABLE p ADD z2 int', 'ALTER TABLE p ADD z3 int', 'ALTER TABLE p ADD z4 int',
  'ALTER TABLE p DROP z1', 'ALTER TABLE p DROP z2', 'ALTER TABLE p DROP z3', 'ALTER TABLE p DROP z4');
RESET TimeZone; RESET DateStyle; RESET extra_float_digits;
-- a long string in EXECUTE costs no more than its statements
SET statement_timeout = '60s';
DO $$ BEGIN EXECUTE (SELECT string_agg(format('CREATE TABLE long_%s (x int);', i), ' ') FROM generate_series(1, 300) i); END $$;
RESET statement_timeout;
SELECT t.is('300 statements in one EXECUTE', (SELECT count(*) || ' ' || bool_and(ddl_text = 'CREATE TABLE long_' || row || ' (x int)') FROM (SELECT *, row_number() OVER (ORDER BY id) AS row FROM t.new()) n), '300 true');
SELECT t.mark();

CREATE FUNCTION inner_ddl(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(E'CREATE TABLE %I -- the "key"\n (id int, "q"\n int)', name);
END $$;
CREATE FUNCTION outer_ddl() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM inner_ddl('n3'); PERFORM inner_ddl('N "4"'); END $$;
SELECT t.mark();
SELECT outer_ddl()\; CREATE TABLE n5 (x int)\; DO 'BEGIN PERFORM inner_ddl(''n6''); END'\; CREATE TABLE n7 (x int);
SELECT t.rows('nested twice, with quotes before newlines, and the string goes on', E'CREATE TABLE n3 -- the "key"\n (id int, "q"\n int)', E'CREATE TABLE "N ""4""" -- the "key"\n (id int, "q"\n int)',
  'CREATE TABLE n5 (x int)', E'CREATE TABLE n6 -- the "key"\n (id int, "q"\n int)', 'CREATE TABLE n7 (x int)');

CREATE FUNCTION sql_ddl() RETURNS void LANGUAGE sql AS 'CREATE TABLE s1 (x int); ALTER TABLE s2 ADD z int';
CREATE TABLE s2 (x int);
SELECT t.mark();
SELECT sql_ddl();
SELECT t.rows('LANGUAGE sql', 'CREATE TABLE s1 (x int)', 'ALTER TABLE s2 ADD z int');

CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CREATE TABLE IF NOT EXISTS by_trigger (x int)'; RETURN NEW; END $$;
CREATE TRIGGER tr BEFORE INSERT ON n5 FOR EACH ROW EXECUTE PROCEDURE trig();
SELECT t.mark();
INSERT INTO n5 VALUES (1), (2);
\if :has95
SELECT t.rows('in a trigger', 'CREATE TABLE IF NOT EXISTS by_trigger (x int)');
\else
SELECT t.rows('in a trigger (9.4 does not tell that the second did nothing)', 'CREATE TABLE IF NOT EXISTS by_trigger (x int)', 'CREATE TABLE IF NOT EXISTS by_trigger (x int)');
\endif

-- The events of a part of the string are off: it says so itself, or nothing is guessed.
SET session_replication_role = replica\; COMMENT ON TABLE n1 IS 'a'\; SET session_replication_role = origin\; COMMENT ON TABLE n1 IS 'b'\; SET SESSION session_replication_role TO 'replica'\; COMMENT ON TABLE n1 IS 'c'\; RESET session_replication_role\; COMMENT ON TABLE n1 IS 'd'\; COMMENT ON TABLE n1 IS 'e';
SELECT t.rows('events off', 'COMMENT ON TABLE n1 IS ''b''', 'COMMENT ON TABLE n1 IS ''d''', 'COMMENT ON TABLE n1 IS ''e''');
CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END'; CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE PROCEDURE et()\; ALTER TABLE n1 ADD e1 int\; ALTER TABLE n1 ADD e2 int\; ALTER EVENT TRIGGER et DISABLE\; ALTER TABLE n1 ADD e3 int\; DROP EVENT TRIGGER et\; ALTER TABLE n1 ADD e4 int;
SELECT t.is('event triggers of others', (SELECT string_agg(ddl_text, ',' ORDER BY id) FROM t.new() WHERE tag = 'ALTER TABLE'), 'ALTER TABLE n1 ADD e1 int,ALTER TABLE n1 ADD e2 int,ALTER TABLE n1 ADD e3 int,ALTER TABLE n1 ADD e4 int');
SELECT t.mark();
SELECT set_config('session_replication_role', 'replica', false)\; ALTER TABLE n1 ADD f1 int\; SELECT set_config('session_replication_role', 'origin', false)\; ALTER TABLE n1 ADD f2 int;
SELECT t.is('unknown: flagged', (SELECT message ->> 'flags' || (message ->> 'replay') FROM t.new()), '["whole string"]false');
SELECT t.mark();

-- a long string of many statements
SELECT string_agg(format('CREATE TABLE many_%s (id int PRIMARY KEY, t text DEFAULT %L); ', i, repeat(';', i % 7)), '') AS many FROM generate_series(1, 60) i \gset
:many
SELECT t.is('60 statements in one string', (SELECT count(*) || ' ' || bool_and(ddl_text ~ ('^CREATE TABLE many_' || row || ' .*''$|' || '^CREATE TABLE many_' || row || ' .*\)$')) FROM (SELECT *, row_number() OVER (ORDER BY id) AS row FROM t.new()) n), '60 true');
SELECT t.mark();
-- names that begin alike, and a schema that is named after who runs it
\if :has95
CREATE TABLE al (x int)\; CREATE TABLE alike (x int)\; SELECT 1\; DROP TABLE alike\; DROP TABLE al\; CREATE SCHEMA AUTHORIZATION CURRENT_USER\; CREATE SCHEMA IF NOT EXISTS AUTHORIZATION SESSION_USER;
SELECT t.rows('names that begin alike', 'CREATE TABLE al (x int)', 'CREATE TABLE alike (x int)', 'DROP TABLE alike', 'DROP TABLE al', 'CREATE SCHEMA AUTHORIZATION CURRENT_USER');
\endif

-- a string of some megabytes: a command costs no more than it would alone
SELECT string_agg(format('CREATE FUNCTION big_%s() RETURNS text LANGUAGE sql AS $$ SELECT %L::text $$; ', i, repeat('it''s; ', 6000)), '') AS big FROM generate_series(1, 60) i \gset
SET statement_timeout = '60s';
:big
RESET statement_timeout;
SELECT t.is('a string of megabytes', (SELECT count(*) || ' ' || bool_and(ddl_text ~ '^CREATE FUNCTION big_[0-9]+\(\) RETURNS text LANGUAGE sql AS \$\$ SELECT .*\$\$$') FROM t.new()), '60 true');
SELECT t.mark();
SELECT t.is('no gaps', dts_ddl_portable.gaps()::text, '0');
