-- Exceptions caught half-way and savepoints: rows live and die with their statements, and state stays right.
DO $$
BEGIN
  CREATE TABLE a (x int);
  BEGIN
    CREATE TABLE b (x int);
    PERFORM 1/0;
  EXCEPTION WHEN division_by_zero THEN
    CREATE TABLE c (x int);
  END;
  BEGIN
    CREATE TABLE a (x int);          -- fails itself
  EXCEPTION WHEN duplicate_table THEN
    ALTER TABLE a ADD COLUMN y int;
  END;
  BEGIN
    EXECUTE 'CREATE TABLE d (x int); CREATE TABLE a (x int); CREATE TABLE e (x int)';
  EXCEPTION WHEN duplicate_table THEN NULL;
  END;
  DROP TABLE c;
END $$;
SELECT t.texts('caught half-way', 'CREATE TABLE a (x int)', 'CREATE TABLE c (x int)', 'ALTER TABLE a ADD COLUMN y int', 'DROP TABLE c');
CREATE FUNCTION thrower(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE th%s (x int)', n);
  IF n = 3 THEN RAISE EXCEPTION 'deep'; END IF;
  PERFORM thrower(n + 1);
END $$;
CREATE FUNCTION catcher() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM thrower(1);
EXCEPTION WHEN raise_exception THEN
  CREATE TABLE caught (x int);
  RETURN 'caught';
END $$;
SELECT t.mark();
CREATE TABLE s1 (x int)\; SELECT catcher()\; DROP TABLE s1;
SELECT t.texts('thrown through three levels', 'CREATE TABLE s1 (x int)', 'CREATE TABLE caught (x int)', 'DROP TABLE s1');
-- an error in a string at top level, then a new string
\set ON_ERROR_STOP 0
CREATE TABLE caught (x int);
DO $$ BEGIN CREATE TABLE lost (x int); PERFORM 1/0; END $$;
BEGIN;
CREATE TABLE lost2 (x int);
SELECT 1/0;
CREATE TABLE lost3 (x int);
COMMIT;
ALTER TABLE caught ADD COLUMN x int;
CREATE TABLE lost4 AS SELECT 1/0 AS x FROM caught;
CREATE TABLE lost5 AS SELECT 1/(i-3) AS x FROM generate_series(1, 5) i;
DROP TABLE not_there;
\set ON_ERROR_STOP 1
SELECT t.none('failures leave nothing');
CREATE TABLE fine (x int);
SELECT t.texts('and the next is right', 'CREATE TABLE fine (x int)');
-- deferred failure: the constraint fails at COMMIT
CREATE TABLE pk (id int PRIMARY KEY);
CREATE TABLE fk (id int REFERENCES pk DEFERRABLE INITIALLY DEFERRED);
SELECT t.mark();
\set ON_ERROR_STOP 0
BEGIN;
CREATE TABLE lost6 (x int);
INSERT INTO fk VALUES (1);
COMMIT;
\set ON_ERROR_STOP 1
SELECT t.none('failure at COMMIT');
