-- requires-extension: postgres_fdw
-- IMPORT FOREIGN SCHEMA is one row that names every table.
SET client_min_messages = error;
CREATE EXTENSION postgres_fdw;
CREATE SCHEMA remote CREATE TABLE r1 (x int) CREATE TABLE r2 (y text);
CREATE SCHEMA local;
SELECT format('CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)', 'localhost', current_setting('port'), current_database()) \gexec
CREATE USER MAPPING FOR CURRENT_USER SERVER loop OPTIONS (user :'user', password 'not needed');
SELECT t.mark();
IMPORT FOREIGN SCHEMA remote FROM SERVER loop INTO local;
SELECT t.is('tag', (SELECT tag FROM t.new()), 'IMPORT FOREIGN SCHEMA');
SELECT t.is('objects', (SELECT string_agg(o->>'op' || ' ' || (o->>'type') || ' ' || (o->>'identity'), ', ' ORDER BY o->>'identity') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'op' = 'create'), 'create foreign table local.r1, create foreign table local.r2');
SELECT t.texts('one row', 'IMPORT FOREIGN SCHEMA remote FROM SERVER loop INTO local');
