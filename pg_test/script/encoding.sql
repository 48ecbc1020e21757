-- database: ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'
-- The bytes of the server go through; the client's encoding is named.
CREATE TABLE a (x int);
\set s `printf 'COMMENT ON TABLE a IS \047\351\047'`
SET client_encoding = 'LATIN1';
:s;
SELECT t.is('the text', (SELECT count(*) FROM dts_ddl.script() s WHERE position('\xe9272464747324'::bytea IN convert_to(s, 'LATIN1')) > 0), 1);
CREATE FUNCTION t.encoding() RETURNS text LANGUAGE sql AS $$ SELECT substring(s FROM 'SET client_encoding TO ''(.*?)''') FROM dts_ddl.script() s LIMIT 1 $$;
SELECT t.is('LATIN1', t.encoding(), 'LATIN1');
SET client_encoding = 'UTF8';
SELECT t.is('UTF8', t.encoding(), 'UTF8');
SET client_encoding = 'SQL_ASCII';
SELECT t.is('without conversion: the bytes of the server', t.encoding(), 'LATIN1');
