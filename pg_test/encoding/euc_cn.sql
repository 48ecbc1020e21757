-- database: ENCODING 'EUC_CN' LC_COLLATE 'C' LC_CTYPE 'C'
-- An EUC_CN database; the client in EUC_CN and in UTF8.
SELECT t.is('encoding', getdatabaseencoding()::text, 'EUC_CN');
\set s `printf '/* \326\320 */ CREATE TABLE "\326\320\316\304" ("\306\372;" int); COMMENT ON TABLE "\326\320\316\304" IS \047\261\355;\047; DROP TABLE "\326\320\316\304"'`
SET client_encoding = 'EUC_CN';
:s;
SET client_encoding = 'UTF8';
SELECT t.texts('client in EUC_CN', 'CREATE TABLE "中文" ("弃;" int)', $$COMMENT ON TABLE "中文" IS '表;'$$, 'DROP TABLE "中文"');
CREATE TABLE "表" (x int)\; CREATE TABLE "图" AS SELECT '中文'::text AS "列";
SELECT t.is('message', (SELECT string_agg(object_name || ' ' || (message->'objects'->0->>'name'), ',' ORDER BY n) FROM t.new()), 'public."表" 表,public."图" 图');
SELECT t.texts('client in UTF8', 'CREATE TABLE "表" (x int)', 'CREATE TABLE public."图" ("列" text)');
DO $$ BEGIN EXECUTE '/* 中 */ CREATE TABLE "甲" (x int) /* 文 */; DROP TABLE "甲"'; END $$;
SELECT t.texts('EXECUTE', 'CREATE TABLE "甲" (x int)', 'DROP TABLE "甲"');
