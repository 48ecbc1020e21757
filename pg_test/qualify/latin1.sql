-- database: ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'
-- dts_ddl_capture.qualify_names in a database that is not in UTF-8: names with letters of its own.
SET client_encoding = 'UTF8';
CREATE SCHEMA "ä"; CREATE SCHEMA "é ";
SET dts_ddl_capture.qualify_names = on; SET search_path = "ä", "é ";
SELECT t.mark();
CREATE TABLE "é ".größe (maß int);
CREATE TYPE ö AS ENUM ('ü');
CREATE VIEW übersicht AS SELECT maß, 'ü'::ö AS ö, 'größe'::regclass AS r FROM größe;
COMMENT ON COLUMN größe.maß IS 'ß';
DROP VIEW übersicht;
SELECT t.texts('in Latin 1', 'CREATE TABLE "é ".größe (maß int)', 'CREATE TYPE "ä".ö AS ENUM (''ü'')',
  'CREATE VIEW "ä".übersicht AS SELECT maß, ''ü''::"ä".ö AS ö, ''"é ".größe''::regclass AS r FROM "é ".größe',
  'COMMENT ON COLUMN "é ".größe.maß IS ''ß''', 'DROP VIEW "ä".übersicht');
