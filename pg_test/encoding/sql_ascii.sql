-- database: ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'
-- SQL_ASCII with bytes that are valid text in no encoding: stored as they are, never an error; message stays JSON.
SELECT t.is('encoding', getdatabaseencoding()::text, 'SQL_ASCII');
SET client_encoding = 'SQL_ASCII';
\set s `printf '/* \377\376 */ CREATE TABLE "caf\351\377" (x int DEFAULT 1 /* \200; */); COMMENT ON TABLE "caf\351\377" IS \047\300\257;\355\240\200\047; ALTER TABLE "caf\351\377" ADD COLUMN "\303(" text'`
:s;
SELECT t.is('bytes', (SELECT string_agg(convert_to(ddl_text, 'SQL_ASCII'), '\x7c'::bytea ORDER BY n) FROM t.new()),
  'CREATE TABLE "caf'::bytea || '\xe9ff'::bytea || '" (x int DEFAULT 1 /* '::bytea || '\x80'::bytea || '; */)|COMMENT ON TABLE "caf'::bytea || '\xe9ff'::bytea
  || '" IS '''::bytea || '\xc0af'::bytea || ';'::bytea || '\xeda080'::bytea || '''|ALTER TABLE "caf'::bytea || '\xe9ff'::bytea || '" ADD COLUMN "'::bytea || '\xc328'::bytea || '" text'::bytea);
SELECT t.is('object_name', (SELECT convert_to(object_name, 'SQL_ASCII') FROM t.new() WHERE n = 1), 'public."caf'::bytea || '\xe9ff22'::bytea);
SELECT t.sound('rows and their JSON'), t.mark();
\set s `printf 'CREATE TABLE made AS SELECT 1 AS "\377"'`
:s;
SELECT t.is('CREATE TABLE AS', (SELECT convert_to(ddl_text, 'SQL_ASCII') FROM t.new()), 'CREATE TABLE public.made ("'::bytea || '\xff'::bytea || '" integer)'::bytea);
SELECT t.sound('CREATE TABLE AS'), t.mark();
\set s `printf 'DROP TABLE "caf\351\377"'`
:s;
SELECT t.is('DROP', (SELECT convert_to(ddl_text, 'SQL_ASCII') FROM t.one('drop')), 'DROP TABLE "caf'::bytea || '\xe9ff22'::bytea);
\set s `printf 'DO $$ BEGIN EXECUTE \047/* \377 */ CREATE TABLE "\376" (x int); DROP TABLE "\376"\047; END $$'`
:s;
SELECT t.is('EXECUTE', (SELECT string_agg(convert_to(ddl_text, 'SQL_ASCII'), '\x7c'::bytea ORDER BY n) FROM t.new()), 'CREATE TABLE "'::bytea || '\xfe'::bytea || '" (x int)|DROP TABLE "'::bytea || '\xfe22'::bytea);
SELECT t.sound('EXECUTE'), t.mark();
SET client_encoding = 'UTF8';
CREATE TABLE "é" (x int);
SELECT t.texts('client in UTF8', 'CREATE TABLE "é" (x int)');
-- secrets and settings with such bytes
\set s `printf 'CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password \047\377\376\047)'`
SET client_encoding = 'SQL_ASCII';
:s;
SELECT t.is('redacted', (SELECT ddl_text FROM t.new() WHERE n = 3), $$CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password '********')$$);
SELECT t.sound('secret'), t.mark();
-- who reads these bytes as characters of several bytes would take the end of a constant for a part of one
SET client_encoding = 'GBK';
SELECT t.is('the encoding of the script', (SELECT substring(s FROM 'SET client_encoding TO ''(.*?)''') FROM dts_ddl.script() s LIMIT 1), 'SQL_ASCII');
SET client_encoding = 'SQL_ASCII';
