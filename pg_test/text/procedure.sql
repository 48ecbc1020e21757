-- Procedures with transaction control.
CREATE PROCEDURE p() LANGUAGE plpgsql AS $$
BEGIN
  CREATE TABLE a (x int);
  COMMIT;
  CREATE TABLE b (x int);
  ROLLBACK;
  EXECUTE 'CREATE TABLE c (x int); CREATE TABLE d (x int)';
  COMMIT;
  FOR i IN 1..3 LOOP
    EXECUTE format('CREATE TABLE l%s (x int)', i);
    IF i = 2 THEN ROLLBACK; ELSE COMMIT; END IF;
  END LOOP;
  DROP TABLE a, c, d, l1, l3;
END $$;
CREATE PROCEDURE outer_p() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE o (x int); CALL p(); COMMIT; DROP TABLE o; END $$;
SELECT t.mark();
CALL p();
SELECT t.texts('committed parts only', 'CREATE TABLE a (x int)', 'CREATE TABLE c (x int)', 'CREATE TABLE d (x int)', 'CREATE TABLE l1 (x int)', 'CREATE TABLE l3 (x int)', 'DROP TABLE a, c, d, l1, l3');
CALL outer_p();
SELECT t.texts('nested CALL', 'CREATE TABLE o (x int)', 'CREATE TABLE a (x int)', 'CREATE TABLE c (x int)', 'CREATE TABLE d (x int)', 'CREATE TABLE l1 (x int)', 'CREATE TABLE l3 (x int)', 'DROP TABLE a, c, d, l1, l3', 'DROP TABLE o');
\c
CALL p();
SELECT t.texts('in a fresh session', 'CREATE TABLE a (x int)', 'CREATE TABLE c (x int)', 'CREATE TABLE d (x int)', 'CREATE TABLE l1 (x int)', 'CREATE TABLE l3 (x int)', 'DROP TABLE a, c, d, l1, l3');
-- a handler around commits is refused by PostgreSQL; what was done before stays undone
CREATE PROCEDURE h() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE never (x int); COMMIT; EXCEPTION WHEN invalid_transaction_termination THEN CREATE TABLE handled (x int); END $$;
SELECT t.mark();
CALL h();
SELECT t.texts('refused COMMIT', 'CREATE TABLE handled (x int)');
