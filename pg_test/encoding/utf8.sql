-- Text beyond ASCII in a UTF8 database, with the client in UTF8, GBK, BIG5 and LATIN1.
SET client_encoding = 'UTF8';
CREATE TABLE "naïve—表😀" ("größe" text DEFAULT '日本;語')\; COMMENT ON TABLE "naïve—表😀" IS '€'\; CREATE TABLE plain (x int);
SELECT t.texts('UTF8', 'CREATE TABLE "naïve—表😀" ("größe" text DEFAULT ''日本;語'')', 'COMMENT ON TABLE "naïve—表😀" IS ''€''', 'CREATE TABLE plain (x int)');
CREATE TABLE "é" (x int);
SELECT t.is('identity and objects', (SELECT object_name || ' ' || t.objects(message)::text FROM t.one('é')), 'public."é" {"create table public.\"é\""}');
DO $$ BEGIN EXECUTE '/* é */ CREATE TABLE "ü" (x int) /* é */; DROP TABLE "ü"'; END $$;
SELECT t.texts('EXECUTE', 'CREATE TABLE "ü" (x int)', 'DROP TABLE "ü"');
\set gbk `printf '\325\134\267\375\045'`
SET client_encoding = 'GBK';
\set stmt 'COMMENT ON TABLE plain IS $a$':gbk'$a$'
:stmt \; DROP TABLE plain \; CREATE TABLE plain (y int);
SET client_encoding = 'UTF8';
SELECT t.texts('client in GBK (a second byte that is a backslash)', 'COMMENT ON TABLE plain IS $a$誠俘%$a$', 'DROP TABLE plain', 'CREATE TABLE plain (y int)');
\set latin `printf 'COMMENT ON TABLE plain IS \047caf\351\047; DROP TABLE plain'`
SET client_encoding = 'LATIN1';
:latin;
SET client_encoding = 'UTF8';
SELECT t.texts('client in LATIN1', $$COMMENT ON TABLE plain IS 'café'$$, 'DROP TABLE plain');
