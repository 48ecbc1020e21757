-- LOAD by a superuser, twice, and in a transaction that fails.
BEGIN;
LOAD 'dts_ddl_capture';
SELECT 1/1;
ROLLBACK;
LOAD 'dts_ddl_capture';
CREATE TABLE a (x int);
SELECT t.texts('after LOAD', 'CREATE TABLE a (x int)');
