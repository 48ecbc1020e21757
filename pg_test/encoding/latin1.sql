-- database: ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'
-- A LATIN1 database; the client in LATIN1 and in UTF8. Expected texts are compared as bytes of the server encoding.
SELECT t.is('encoding', getdatabaseencoding()::text, 'LATIN1');
\set s `printf '/* \351 */ CREATE TABLE "caf\351" ("\374;" int DEFAULT 1); COMMENT ON TABLE "caf\351" IS \047\244;\047; DROP TABLE "caf\351"'`
SET client_encoding = 'LATIN1';
:s;
SELECT t.is('bytes', (SELECT string_agg(convert_to(ddl_text, 'LATIN1'), '\x7c'::bytea ORDER BY n) FROM t.new()),
  convert_to('CREATE TABLE "caf', 'LATIN1') || '\xe9'::bytea || convert_to('" ("', 'LATIN1') || '\xfc'::bytea || convert_to(';" int DEFAULT 1)|COMMENT ON TABLE "caf', 'LATIN1') || '\xe9'::bytea
  || convert_to('" IS ''', 'LATIN1') || '\xa4'::bytea || convert_to(';''|DROP TABLE "caf', 'LATIN1') || '\xe9'::bytea || '\x22'::bytea);
SELECT t.is('identity in message is in the server encoding', (SELECT convert_to(message->'objects'->0->>'name', 'LATIN1') FROM t.new() WHERE n = 1), 'caf'::bytea || '\xe9'::bytea);
SELECT t.is('object_name', (SELECT convert_to(object_name, 'LATIN1') FROM t.new() WHERE n = 1), 'public."caf'::bytea || '\xe922'::bytea);
SELECT t.sound('latin1'), t.mark();
SET client_encoding = 'UTF8';
CREATE TABLE "façade" (x int)\; DO $$ BEGIN EXECUTE 'CREATE TABLE "über" (x int); DROP TABLE "façade"'; END $$\; CREATE TABLE filled AS SELECT 'é'::text AS "spalte ß";
SELECT t.texts('client in UTF8', 'CREATE TABLE "façade" (x int)', 'CREATE TABLE "über" (x int)', 'DROP TABLE "façade"', 'CREATE TABLE public.filled ("spalte ß" text)');
SELECT t.is('message of CREATE TABLE AS', (SELECT m->'original'->>'text' FROM (SELECT message::jsonb AS m FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1) x), 'CREATE TABLE filled AS SELECT ''é''::text AS "spalte ß"');
