-- adopt_tables() finds no operator that somebody has planted in a schema of its caller's search_path: neither one in front of pg_catalog's, nor one
-- that fits its arguments better.
SET client_min_messages = error;
CREATE TABLE t.seen (what text);
CREATE FUNCTION probe(oid, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t.seen VALUES ('>='); RETURN true; END $$;
CREATE FUNCTION probe(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t.seen VALUES ('='); RETURN true; END $$;
CREATE OPERATOR >= (LEFTARG = oid, RIGHTARG = int, FUNCTION = probe);
CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = oid, FUNCTION = probe);
CREATE SUBSCRIPTION adopting CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
CREATE TABLE a (x int);
SET search_path = public, pg_catalog;
SELECT '1'::oid >= 1 AND '1'::oid = '1'::oid;
SELECT t.is('the operators are found', (SELECT count(*)::int FROM t.seen), 2);
TRUNCATE t.seen;
SELECT t.check('tables entered', dts_ddl.adopt_tables('adopting') > 0);
SELECT t.is('none of theirs ran', (SELECT count(*)::int FROM t.seen), 0);
DROP SUBSCRIPTION adopting;
