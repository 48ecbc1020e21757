-- Who may call it, and where.
CREATE ROLE script_nobody LOGIN;
CREATE TABLE a (x int);
BEGIN READ ONLY;
SELECT t.is('in a read-only transaction', (SELECT count(*) FROM dts_ddl.script()), 3), t.is('last_id', dts_ddl.last_id(), 1);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT t.is('in a serializable one', (SELECT count(*) FROM dts_ddl.script()), 3);
COMMIT;
-- planted objects are not used
CREATE SCHEMA planted; CREATE TABLE planted.dts_ddl_command (x int);
CREATE FUNCTION planted.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
CREATE OPERATOR planted.= (LEFTARG = text, RIGHTARG = text, FUNCTION = planted.eq);
SELECT t.mark();
SET search_path = planted, pg_catalog;
SELECT 'x' FROM dts_ddl.script() \g /dev/null
RESET search_path;
SET ROLE script_nobody;
SELECT t.fails('script', 'SELECT dts_ddl.script()', '42501'), t.fails('last_id', 'SELECT dts_ddl.last_id()', '42501');
RESET ROLE;
GRANT USAGE ON SCHEMA dts_ddl TO script_nobody; GRANT EXECUTE ON FUNCTION dts_ddl.script(bigint, bigint), dts_ddl.last_id() TO script_nobody;
SET ROLE script_nobody;
SELECT t.check('granted', (SELECT count(*) FROM dts_ddl.script()) > 3 AND dts_ddl.last_id() > 1);
RESET ROLE;
DROP OWNED BY script_nobody; DROP ROLE script_nobody;
