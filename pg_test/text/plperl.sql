-- requires-extension: plperl
-- DDL through SPI of plperl.
CREATE EXTENSION plperl;
CREATE FUNCTION p() RETURNS void LANGUAGE plperl AS $$ spi_exec_query('/* c */ CREATE TABLE a (x int); CREATE TABLE b (x int);'); spi_exec_query('DROP TABLE a'); $$;
SELECT t.mark();
\c
SELECT p();
SELECT t.texts('first DDL of the session', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)', 'DROP TABLE a');
DROP TABLE b\; SELECT p()\; DROP TABLE b;
SELECT t.texts('again', 'DROP TABLE b', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)', 'DROP TABLE a', 'DROP TABLE b');
DO LANGUAGE plperl $$ spi_exec_query('CREATE TABLE c AS SELECT 1 AS x'); $$;
SELECT t.texts('DO', 'CREATE TABLE public.c (x integer)');
