-- database: ENCODING 'EUC_JIS_2004' LC_COLLATE 'C' LC_CTYPE 'C'
-- Three-byte characters (SS3) in a server encoding other than UTF8.
\set s `printf 'CREATE TABLE "\244\242\217\253\257" (x int); DROP TABLE "\244\242\217\253\257"'`
SET client_encoding = 'EUC_JIS_2004';
:s;
SELECT t.is('bytes', (SELECT string_agg(convert_to(ddl_text, 'EUC_JIS_2004'), '\x7c'::bytea ORDER BY n) FROM t.new()),
  'CREATE TABLE "'::bytea || '\xa4a28fabaf'::bytea || '" (x int)|DROP TABLE "'::bytea || '\xa4a28fabaf22'::bytea);
SELECT t.sound('rows'), t.mark();
