-- Temporary objects leave no row; mixed statements lose their temporary part.
SET client_min_messages = error;
CREATE TABLE base (x int); CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; SELECT t.mark();
CREATE TEMP TABLE a (id serial PRIMARY KEY, s text UNIQUE);
CREATE TEMPORARY TABLE b AS SELECT 1 AS x;
CREATE TABLE pg_temp.c (x int);
SELECT 1 AS x INTO TEMP d;
CREATE TEMP VIEW v AS SELECT * FROM a;
CREATE VIEW v2 AS SELECT * FROM a;          -- becomes temporary by itself
CREATE TEMP SEQUENCE q;
ALTER TABLE a ADD COLUMN y int DEFAULT random()::int;
ALTER TABLE a RENAME COLUMN y TO z;
ALTER TABLE a RENAME TO a2;
ALTER TABLE a2 DROP COLUMN z;
CREATE INDEX ON a2 (s);
CREATE INDEX i ON b (x);
ALTER INDEX i RENAME TO i2;
DROP INDEX i2;
COMMENT ON TABLE a2 IS 'x';
COMMENT ON COLUMN a2.s IS 'x';
CREATE TRIGGER tr AFTER INSERT ON a2 FOR EACH ROW EXECUTE FUNCTION tf();
ALTER TRIGGER tr ON a2 RENAME TO tr2;
DROP TRIGGER tr2 ON a2;
CREATE RULE r AS ON INSERT TO b DO ALSO NOTHING;
GRANT SELECT ON a2 TO PUBLIC;
CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE pg_temp.e AS ENUM ('x');
CREATE STATISTICS pg_temp.st ON id, s FROM a2;
ALTER SEQUENCE q RESTART 5;
ALTER TABLE a2 ENABLE ROW LEVEL SECURITY;
CREATE POLICY po ON a2;
TRUNCATE a2;
CREATE TEMP TABLE parted (x int) PARTITION BY LIST (x);
CREATE TEMP TABLE parted1 PARTITION OF parted FOR VALUES IN (1);
SET search_path = pg_temp, public;
CREATE TABLE by_path (x int);
CREATE TABLE by_path_as AS SELECT 1 AS x;
RESET search_path;
DROP TYPE pg_temp.e;
DROP FUNCTION pg_temp.f();
DROP SEQUENCE q;
DROP VIEW v;
DROP TABLE a2, b CASCADE;
DROP TABLE pg_temp.c, d, parted, by_path, by_path_as;
SELECT t.none('temporary objects');
BEGIN; CREATE TEMP TABLE x (a int) ON COMMIT DROP; COMMIT;
BEGIN; CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1 AS a; COMMIT;
SELECT t.none('ON COMMIT DROP');
CREATE TEMP TABLE gone (x int);
DISCARD TEMP;
SELECT t.none('DISCARD TEMP');
CREATE TEMP TABLE gone2 (x int);
\c
SELECT t.none('temporary objects at the end of a session');
SET client_min_messages = error;

-- mixed
CREATE TEMP TABLE tmp1 (x int); CREATE TABLE real1 (x int); CREATE TABLE real2 (x int); CREATE TEMP TABLE tmp2 (x int); SELECT t.mark();
DROP TABLE tmp1, real1;
SELECT t.is('the temporary one first', (SELECT ddl_text FROM t.new()), 'DROP TABLE real1');
SELECT t.is('said in message', (SELECT concat_ws(' ', message->>'temporary_removed', message->'original'->>'tag', message->'original'->>'text') FROM t.new()), '["pg_temp.tmp1"] DROP TABLE DROP TABLE tmp1, real1');
SELECT t.is('objects', (SELECT string_agg(o->>'identity', ',') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), 'public.real1');
SELECT t.texts('text', 'DROP TABLE real1');
DROP TABLE /* a */ IF EXISTS real2 /* b */ , tmp2 /* c */ CASCADE /* d */;
SELECT t.is('parses and names only the permanent one', (SELECT string_agg(o->>'identity', ',') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), 'public.real2');
SELECT t.check('the temporary one last, with comments and CASCADE', (SELECT ddl_text ~ '^DROP TABLE .*IF EXISTS real2.*CASCADE' AND ddl_text !~ 'tmp2' FROM t.new()), (SELECT ddl_text FROM t.new()));
SELECT t.sound('mixed'), t.mark();
CREATE TABLE r1 (x int); CREATE TEMP TABLE t1 (x int); CREATE TABLE r2 (x int); CREATE TEMP TABLE t2 (x int); CREATE TABLE "R,3" (x int); SELECT t.mark();
DROP TABLE r1, pg_temp.t1, public . r2, t2, "R,3";
SELECT t.texts('alternating', 'DROP TABLE r1, public . r2, "R,3"');
-- a temporary table that hides a permanent one of the same name
CREATE TABLE hidden (x int); CREATE TEMP TABLE hidden (x int); CREATE TABLE seen (x int); SELECT t.mark();
DROP TABLE hidden, seen;
SELECT t.texts('the hiding temporary one', 'DROP TABLE seen');
DROP TABLE hidden;
SELECT t.texts('the permanent one', 'DROP TABLE hidden');
-- views, sequences, indexes, functions
CREATE TEMP VIEW tv AS SELECT 1 AS x; CREATE VIEW rv AS SELECT 1 AS x; CREATE TEMP SEQUENCE ts; CREATE SEQUENCE rs;
CREATE TEMP TABLE tt (x int); CREATE INDEX ti ON tt (x); CREATE TABLE rt (x int); CREATE INDEX ri ON rt (x);
CREATE FUNCTION pg_temp.tfn(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION rfn(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE pg_temp.te AS ENUM ('x'); CREATE TYPE re AS ENUM ('x');
SELECT t.mark();
DROP VIEW tv, rv;
DROP SEQUENCE rs, ts;
DROP INDEX ti, ri;
DROP FUNCTION pg_temp.tfn(a int, b text), rfn(int, text);
DROP TYPE re, pg_temp.te;
SELECT t.texts('other kinds', 'DROP VIEW rv', 'DROP SEQUENCE rs', 'DROP INDEX ri', 'DROP FUNCTION rfn(int, text)', 'DROP TYPE re');
GRANT SELECT ON tt, rt TO PUBLIC;
SELECT t.texts('GRANT', 'GRANT SELECT ON rt TO PUBLIC');
REVOKE SELECT ON rt, tt FROM PUBLIC;
SELECT t.texts('REVOKE', 'REVOKE SELECT ON rt FROM PUBLIC');
-- a permanent object dropped with temporary ones depending on it stays as written, the temporary ones are not listed
CREATE TABLE parent (id int PRIMARY KEY); CREATE TEMP VIEW pv AS SELECT * FROM parent; SELECT t.mark();
DROP TABLE parent CASCADE;
SELECT t.is('temporary dependents are not listed', (SELECT count(*) FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'identity' LIKE '%pv%'), 0);
SELECT t.texts('as written', 'DROP TABLE parent CASCADE');
-- dropping a permanent function takes a temporary table's trigger
CREATE FUNCTION tf2() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER tr AFTER INSERT ON tt FOR EACH ROW EXECUTE FUNCTION tf2(); SELECT t.mark();
DROP FUNCTION tf2() CASCADE;
SELECT t.texts('function with a temporary trigger', 'DROP FUNCTION tf2() CASCADE');
-- nested and in strings
CREATE TEMP TABLE n1 (x int)\; CREATE TABLE n2 (x int)\; DROP TABLE n1, n2\; DO $$ BEGIN CREATE TEMP TABLE n3 (x int); DROP TABLE n3; END $$;
SELECT t.texts('in a string', 'CREATE TABLE n2 (x int)', 'DROP TABLE n2');
