-- DO blocks: DDL inside is recorded, the block itself is not.
DO $$ BEGIN NULL; END $$;
SELECT t.none('an empty block');
DO $$ BEGIN INSERT INTO t.state SELECT 0 WHERE false; END $$;
SELECT t.none('a block with DML only');
DO $$ BEGIN CREATE TABLE a (x int); INSERT INTO a VALUES (1); DROP TABLE a; END $$;
SELECT t.texts('one block', 'CREATE TABLE a (x int)', 'DROP TABLE a');
CREATE TABLE b (x int)\; DO $$ BEGIN CREATE TABLE c (x int); END $$\; DO $$ BEGIN DROP TABLE c; END $$\; DROP TABLE b;
SELECT t.texts('blocks between statements', 'CREATE TABLE b (x int)', 'CREATE TABLE c (x int)', 'DROP TABLE c', 'DROP TABLE b');
DO $o$ BEGIN
  DO $i$ BEGIN CREATE TABLE d (x int); EXECUTE 'DO $x$ BEGIN DROP TABLE d; END $x$'; END $i$;
  CREATE TABLE e (x int);
END $o$;
SELECT t.texts('blocks in blocks', 'CREATE TABLE d (x int)', 'DROP TABLE d', 'CREATE TABLE e (x int)');
DO LANGUAGE plpgsql $$ BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'mood') THEN CREATE TYPE mood AS ENUM ('sad', 'ok'); END IF; END $$;
SELECT t.texts('guarded creation', $$CREATE TYPE mood AS ENUM ('sad', 'ok')$$);
DO LANGUAGE plpgsql $$ BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'mood') THEN CREATE TYPE mood AS ENUM ('sad', 'ok'); END IF; END $$;
SELECT t.none('guard false');
-- blocks with their own transactions
DO $$ BEGIN CREATE TABLE f (x int); COMMIT; CREATE TABLE g (x int); ROLLBACK; CREATE TABLE h (x int); END $$;
SELECT t.texts('COMMIT and ROLLBACK in a block', 'CREATE TABLE f (x int)', 'CREATE TABLE h (x int)');
SELECT t.is('two transactions', (SELECT count(DISTINCT xmin::text) FROM pg_class WHERE relname IN ('f', 'h')), 2);
