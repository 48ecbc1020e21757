-- DDL run by triggers.
CREATE TABLE parts (name text);
CREATE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE part_%s (x int)', NEW.name);
  RETURN NEW;
END $$;
CREATE TRIGGER tr AFTER INSERT ON parts FOR EACH ROW EXECUTE FUNCTION on_insert();
CREATE FUNCTION on_stmt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE stmt_t (x int); DROP TABLE stmt_t; RETURN NULL; END $$;
CREATE TRIGGER ts AFTER INSERT ON parts FOR EACH STATEMENT EXECUTE FUNCTION on_stmt();
SELECT t.mark();
INSERT INTO parts VALUES ('a'), ('b');
SELECT t.texts('row and statement triggers', 'CREATE TABLE part_a (x int)', 'CREATE TABLE part_b (x int)', 'CREATE TABLE stmt_t (x int)', 'DROP TABLE stmt_t');
CREATE TABLE x1 (x int)\; INSERT INTO parts VALUES ('c')\; DROP TABLE x1;
SELECT t.texts('in a string', 'CREATE TABLE x1 (x int)', 'CREATE TABLE part_c (x int)', 'CREATE TABLE stmt_t (x int)', 'DROP TABLE stmt_t', 'DROP TABLE x1');
-- deferred: runs at COMMIT
CREATE TABLE late (name text);
CREATE CONSTRAINT TRIGGER td AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_insert();
SELECT t.mark();
BEGIN;
INSERT INTO late VALUES ('deferred');
CREATE TABLE before_commit (x int);
COMMIT;
SELECT t.texts('deferred trigger', 'CREATE TABLE before_commit (x int)', 'CREATE TABLE part_deferred (x int)');
BEGIN\; INSERT INTO late VALUES ('deferred2')\; COMMIT;
SELECT t.texts('deferred trigger at the COMMIT of a string', 'CREATE TABLE part_deferred2 (x int)');
INSERT INTO late VALUES ('deferred3');
SELECT t.texts('deferred trigger at an implicit COMMIT', 'CREATE TABLE part_deferred3 (x int)');
\c
INSERT INTO parts VALUES ('fresh');
SELECT t.texts('first DDL of a session in a trigger', 'CREATE TABLE part_fresh (x int)', 'CREATE TABLE stmt_t (x int)', 'DROP TABLE stmt_t');
