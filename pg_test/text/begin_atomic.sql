-- requires: 14
-- Functions with a SQL-standard body cannot hold DDL themselves, but call what does; their creation holds semicolons.
CREATE FUNCTION mk(n text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TABLE %I (x int)', n); END $$;
SELECT t.mark();
CREATE FUNCTION atomic_f(n text) RETURNS int BEGIN ATOMIC SELECT mk(n); SELECT mk(n || '2'); SELECT 1; END\; CREATE TABLE z (x int);
SELECT t.texts('the creation is one statement', $$CREATE FUNCTION atomic_f(n text) RETURNS int BEGIN ATOMIC SELECT mk(n); SELECT mk(n || '2'); SELECT 1; END$$, 'CREATE TABLE z (x int)');
SELECT atomic_f('a');
SELECT t.texts('called', 'CREATE TABLE a (x int)', 'CREATE TABLE a2 (x int)');
DROP TABLE z\; SELECT atomic_f('b')\; DROP TABLE b, b2;
SELECT t.texts('called in a string', 'DROP TABLE z', 'CREATE TABLE b (x int)', 'CREATE TABLE b2 (x int)', 'DROP TABLE b, b2');
CREATE FUNCTION cases(i int) RETURNS text BEGIN ATOMIC SELECT CASE WHEN i > 0 THEN ';' ELSE CASE i WHEN 0 THEN 'end' END END; END\; CREATE TABLE y (x int)\; CREATE OR REPLACE FUNCTION cases(i int) RETURNS text RETURN CASE i WHEN 1 THEN 'x' END\; DROP TABLE y;
SELECT t.texts('CASE .. END inside', $$CREATE FUNCTION cases(i int) RETURNS text BEGIN ATOMIC SELECT CASE WHEN i > 0 THEN ';' ELSE CASE i WHEN 0 THEN 'end' END END; END$$, 'CREATE TABLE y (x int)', $$CREATE OR REPLACE FUNCTION cases(i int) RETURNS text RETURN CASE i WHEN 1 THEN 'x' END$$, 'DROP TABLE y');
CREATE PROCEDURE atomic_p() BEGIN ATOMIC SELECT mk('c'); END;
SELECT t.mark();
CALL atomic_p();
SELECT t.texts('procedure', 'CREATE TABLE c (x int)');
DO $$ BEGIN PERFORM atomic_f('d'); EXECUTE 'CREATE FUNCTION r() RETURNS int RETURN 1; CALL atomic_p2()'; EXCEPTION WHEN undefined_function THEN CREATE TABLE caught (x int); END $$;
SELECT t.texts('rolled back with the caller', 'CREATE TABLE caught (x int)');
\c
SELECT atomic_f('first');
SELECT t.texts('first DDL of a session', 'CREATE TABLE first (x int)', 'CREATE TABLE first2 (x int)');
