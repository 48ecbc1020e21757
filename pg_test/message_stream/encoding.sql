-- database: ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'
-- requires-library: test_decoding
-- The message is in the encoding of the server.
SELECT 'x' FROM pg_create_logical_replication_slot('stream_' || :'db', 'test_decoding');
LOAD 'dts_ddl_capture';
SET dts_ddl_capture.emit_message = on;
\set s `printf 'CREATE TABLE "caf\351" (x int)'`
SET client_encoding = 'LATIN1';
:s;
SELECT t.is('as JSON', (SELECT convert_to(m->>'ddl_text', 'LATIN1') || convert_to(m->>'object_name', 'LATIN1') FROM (
    SELECT substring(data FROM ' content:(.*)$')::jsonb AS m FROM pg_logical_slot_get_changes('stream_' || :'db', NULL, NULL) WHERE data LIKE 'message:%') x),
  'CREATE TABLE "caf'::bytea || '\xe9'::bytea || '" (x int)public."caf'::bytea || '\xe922'::bytea);
SELECT 'x' FROM pg_drop_replication_slot('stream_' || :'db');
