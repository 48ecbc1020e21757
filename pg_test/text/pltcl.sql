-- requires-extension: pltcl
-- DDL through SPI of pltcl.
CREATE EXTENSION pltcl;
CREATE FUNCTION p() RETURNS void LANGUAGE pltcl AS $$ spi_exec "/* c */ CREATE TABLE a (x int); CREATE TABLE b (x int);"; spi_exec "DROP TABLE a" $$;
SELECT t.mark();
\c
SELECT p();
SELECT t.texts('first DDL of the session', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)', 'DROP TABLE a');
DROP TABLE b\; SELECT p()\; DROP TABLE b;
SELECT t.texts('again', 'DROP TABLE b', 'CREATE TABLE a (x int)', 'CREATE TABLE b (x int)', 'DROP TABLE a', 'DROP TABLE b');
