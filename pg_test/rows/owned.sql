-- DROP OWNED and REASSIGN OWNED: one row each. No event trigger is told of REASSIGN OWNED in any major: the hook records it,
-- where the library is loaded (by an earlier DDL of the session, as here, or preloaded).
SET client_min_messages = error;
CREATE ROLE owned_a; CREATE ROLE owned_b;
CREATE SCHEMA s; GRANT ALL ON SCHEMA s TO owned_a, owned_b;
CREATE TABLE s.granted (x int); GRANT SELECT ON s.granted TO owned_b;
SET ROLE owned_a; CREATE TABLE s.one (x int); CREATE VIEW s.two AS SELECT * FROM s.one; CREATE FUNCTION s.three() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE;
SELECT t.mark();
REASSIGN OWNED BY owned_a TO owned_b;
SELECT t.is('tag', (SELECT tag FROM t.new()), 'REASSIGN OWNED');
SELECT t.texts('REASSIGN OWNED', 'REASSIGN OWNED BY owned_a TO owned_b');
REASSIGN OWNED BY owned_a TO owned_b\; CREATE TABLE after_reassign (x int)\; DO $$ BEGIN EXECUTE '/* c */ REASSIGN OWNED BY owned_a TO owned_b; DROP TABLE after_reassign'; END $$;
SELECT t.is('with nothing to do, and nested: the others are right', (SELECT string_agg(ddl_text, ';' ORDER BY n) FROM t.new() WHERE tag <> 'REASSIGN OWNED'), 'CREATE TABLE after_reassign (x int);DROP TABLE after_reassign');
SELECT t.sound('reassign'), t.mark();
DROP OWNED BY owned_b CASCADE;
SELECT t.check('every dropped object is named', (SELECT ARRAY(SELECT o->>'identity' FROM jsonb_array_elements(message->'objects') o WHERE o->>'op' = 'drop') @> ARRAY['s.one', 's.two', 's.three()'] FROM t.new()), (SELECT message::text FROM t.new()));
SELECT t.is('tag', (SELECT tag FROM t.new()), 'DROP OWNED');
SELECT t.texts('DROP OWNED', 'DROP OWNED BY owned_b CASCADE');
