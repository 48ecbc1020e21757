-- A transaction may be made read-only after its DDL: the row is written, the commit succeeds.
BEGIN; CREATE TABLE ro (x int); SET TRANSACTION READ ONLY; COMMIT;
SELECT t.texts('read-only at commit', 'CREATE TABLE ro (x int)');
SELECT t.is('the table is there', to_regclass('ro')::text, 'ro');
\set ON_ERROR_STOP 0
BEGIN READ ONLY;
SELECT dts_ddl.prune();
\set state :SQLSTATE
COMMIT;
\set ON_ERROR_STOP 1
SELECT t.is('prune() is a command that writes', :'state', '25006');
