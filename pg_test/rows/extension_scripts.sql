-- requires-extension: hstore
-- CREATE, ALTER and DROP of another extension: one row each, none for its members.
SET client_min_messages = error;
CREATE EXTENSION hstore;
SELECT t.is('objects name the extension', (SELECT string_agg(DISTINCT o->>'type', ',') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'extension'), 'extension');
SELECT t.is('main object', (SELECT object_type || ' ' || object_name FROM t.new()), 'extension hstore');
SELECT t.texts('CREATE EXTENSION', 'CREATE EXTENSION hstore');
CREATE TABLE h (x hstore);
CREATE SCHEMA ext;
ALTER EXTENSION hstore SET SCHEMA ext;
CREATE TABLE member (x int);
ALTER EXTENSION hstore ADD TABLE member;
ALTER EXTENSION hstore DROP TABLE member;
COMMENT ON EXTENSION hstore IS 'x';
SELECT t.texts('others', 'CREATE TABLE h (x hstore)', 'CREATE SCHEMA ext', 'ALTER EXTENSION hstore SET SCHEMA ext', 'CREATE TABLE member (x int)', 'ALTER EXTENSION hstore ADD TABLE member', 'ALTER EXTENSION hstore DROP TABLE member', $$COMMENT ON EXTENSION hstore IS 'x'$$);
ALTER EXTENSION hstore UPDATE;
SELECT t.check('an update to the same version: no members', (SELECT count(*) <= 1 FROM t.new()));
SELECT t.mark();
CREATE TABLE x (a int)\; DROP EXTENSION hstore CASCADE\; CREATE EXTENSION hstore SCHEMA ext\; CREATE TABLE y (b ext.hstore);
SELECT t.texts('in a string', 'CREATE TABLE x (a int)', 'DROP EXTENSION hstore CASCADE', 'CREATE EXTENSION hstore SCHEMA ext', 'CREATE TABLE y (b ext.hstore)');
DO $$ BEGIN DROP EXTENSION hstore CASCADE; CREATE EXTENSION hstore; EXECUTE 'CREATE TABLE z (a hstore)'; END $$;
SELECT t.texts('in a block', 'DROP EXTENSION hstore CASCADE', 'CREATE EXTENSION hstore', 'CREATE TABLE z (a hstore)');
\c
CREATE EXTENSION cube;
SELECT t.texts('first DDL of a session', 'CREATE EXTENSION cube');
CREATE EXTENSION earthdistance CASCADE;
DROP EXTENSION cube CASCADE;
SELECT t.is('CASCADE', (SELECT string_agg(tag, ',' ORDER BY n) FROM t.new()), 'CREATE EXTENSION,DROP EXTENSION');
SELECT t.mark();
SET client_min_messages = error;
CREATE EXTENSION earthdistance CASCADE;
SELECT t.texts('CASCADE makes the required one in the same command', 'CREATE EXTENSION earthdistance CASCADE');
\set ON_ERROR_STOP 0
CREATE EXTENSION earthdistance;
CREATE EXTENSION no_such_extension;
\set ON_ERROR_STOP 1
CREATE TABLE after_failure (x int);
SELECT t.texts('after a failed CREATE EXTENSION', 'CREATE TABLE after_failure (x int)');
