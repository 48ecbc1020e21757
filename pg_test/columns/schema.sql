-- schema: the first existing schema of the resolved search_path, for the role that runs the command.
CREATE ROLE schema_app LOGIN; CREATE ROLE schema_owner;
CREATE SCHEMA schema_app AUTHORIZATION schema_app; CREATE SCHEMA s1; CREATE SCHEMA s2; CREATE SCHEMA schema_owner AUTHORIZATION schema_owner;
GRANT ALL ON SCHEMA s1, s2, public TO schema_app, schema_owner;
CREATE SCHEMA "Odd; ""S""";
CREATE FUNCTION t.where() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(coalesce(schema, 'NULL') || ' ' || coalesce((message->'search_path')::text, 'NULL'), '; ' ORDER BY n) FROM t.new() $$;
SELECT t.mark();
CREATE TABLE a (x int);
SELECT t.is('default', t.where(), 'public ["public"]'), t.mark();
SET search_path = s1, s2;
CREATE TABLE a (x int);
SELECT t.is('set', t.where(), 's1 ["s1", "s2"]'), t.mark();
SET search_path = not_there, s2, pg_catalog, s1;
CREATE TABLE b (x int);
SELECT t.is('missing ones left out, an explicit pg_catalog kept', t.where(), 's2 ["s2", "pg_catalog", "s1"]'), t.mark();
SET search_path = '';
CREATE TABLE s1.c (x int);
SELECT t.is('empty', (SELECT schema FROM t.new()), NULL), t.is('empty', (SELECT coalesce(jsonb_array_length(message->'search_path'), 0) FROM t.new()), 0), t.mark();
SET search_path = "Odd; ""S""", s1;
CREATE TABLE d (x int);
SELECT t.is('a name with quotes', t.where(), 'Odd; "S" ["Odd; \"S\"", "s1"]'), t.mark();
RESET search_path;
CREATE TABLE s1.qualified (x int);
SELECT t.is('a qualified name does not change it', t.where(), 'public ["public"]'), t.mark();
SET search_path = s1\; CREATE TABLE e (x int)\; SET search_path = s2\; CREATE TABLE e (x int)\; RESET search_path;
SELECT t.is('changed inside a string', t.where(), 's1 ["s1"]; s2 ["s2"]'), t.mark();
-- "$user"
\c - schema_app
CREATE TABLE mine (x int);
SELECT t.is('"$user" is the own schema', t.where(), 'schema_app ["schema_app", "public"]'), t.mark();
\c - :user
SET ROLE schema_owner;
CREATE TABLE owned (x int);
SELECT t.is('"$user" after SET ROLE', t.where(), 'schema_owner ["schema_owner", "public"]'), t.mark();
CREATE FUNCTION s1.definer() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN CREATE TABLE by_definer (x int); END $$;
CREATE FUNCTION s1.pinned() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = s2, public AS $$ BEGIN CREATE TABLE by_pinned (x int); END $$;
RESET ROLE;
SELECT t.mark();
\c - schema_app
SELECT s1.definer();
SELECT t.is('"$user" in SECURITY DEFINER', t.where(), 'schema_owner ["schema_owner", "public"]'), t.mark();
SELECT s1.pinned();
SELECT t.is('function with a SET clause', t.where(), 's2 ["s2", "public"]'), t.mark();
-- at the start of the command: the schema that the command itself makes or drops
\c - :user
SET search_path = fresh, public;
CREATE SCHEMA fresh CREATE TABLE inside (x int);
SELECT t.is('a schema that did not exist when the command began', t.where(), 'public ["public"]'), t.mark();
CREATE TABLE u (x int);
SELECT t.is('and now does', t.where(), 'fresh ["fresh", "public"]'), t.mark();
DROP SCHEMA fresh CASCADE;
SELECT t.is('the schema that the command drops was first', t.where(), 'fresh ["fresh", "public"]'), t.mark();
-- temporary schema first
SET search_path = pg_temp, s1;
CREATE TABLE s2.real (x int);
SELECT t.mark();
-- CREATE TABLE AS
SET search_path = s1;
CREATE TABLE filled AS SELECT 1 AS x;
SELECT t.is('CREATE TABLE AS', t.where(), 's1 ["s1"]');
SELECT t.texts('qualified with it', 'CREATE TABLE s1.filled (x integer)');
