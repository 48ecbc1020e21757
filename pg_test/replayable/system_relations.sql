-- DDL of relations in pg_catalog and pg_toast is not for replay: no other server has them, or lets DDL touch its own.
CREATE FUNCTION t.replayed(name text, want text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM t.is(name, (SELECT string_agg(DISTINCT coalesce(message->>'replay', 'true'), ',') FROM t.new()), want);
  PERFORM t.mark();
  RETURN 'ok ' || name;
END $$;
CREATE TABLE a (x int PRIMARY KEY); CREATE SCHEMA s; CREATE TABLE s.other (x int); SELECT t.mark();
SET allow_system_table_mods = on; SET search_path = pg_catalog;
CREATE TABLE in_catalog (i int PRIMARY KEY, t text); CREATE TABLE pg_catalog.filled AS SELECT 1 AS x; CREATE VIEW v AS SELECT 1 AS x; CREATE SEQUENCE seq;
CREATE TYPE pair AS (a int, b int); CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x;
RESET search_path;
SELECT t.check('the reason', message->>'replay_reason' LIKE '%allow_system_table_mods%', message::text) FROM t.new();
SELECT t.is('each has a row', (SELECT count(*) FROM t.new()), 6);
SELECT t.replayed('made', 'false');
ALTER TABLE pg_catalog.in_catalog ADD j int; CREATE INDEX ON pg_catalog.in_catalog (j); CREATE RULE r AS ON INSERT TO pg_catalog.v DO INSTEAD NOTHING;
CREATE TRIGGER tr BEFORE INSERT ON pg_catalog.in_catalog FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE POLICY p ON pg_catalog.in_catalog; ALTER TYPE pg_catalog.pair ADD ATTRIBUTE c int; ALTER SEQUENCE pg_catalog.seq CYCLE;
ALTER TABLE pg_catalog.in_catalog RENAME j TO k; ALTER TABLE pg_catalog.in_catalog RENAME TO in_catalog2;
SELECT t.replayed('altered', 'false');
CREATE INDEX on_class ON pg_catalog.pg_class (reltuples); ALTER TABLE pg_catalog.pg_class SET (fillfactor = 90); ALTER TABLE pg_catalog.pg_class RESET (fillfactor); DROP INDEX pg_catalog.on_class;
SELECT t.replayed('PostgreSQL''s own', 'false');
ALTER TABLE a SET SCHEMA pg_catalog; ALTER TABLE pg_catalog.a ADD y int; ALTER TABLE pg_catalog.a SET SCHEMA public;
SELECT t.replayed('moved', 'false');
RESET allow_system_table_mods;
-- of a user's relation no setting is asked, but other servers do not have it
GRANT SELECT ON pg_catalog.in_catalog2 TO PUBLIC; COMMENT ON TABLE pg_catalog.in_catalog2 IS 'x'; COMMENT ON COLUMN pg_catalog.in_catalog2.i IS 'x';
SELECT t.replayed('granted', 'false');
DROP POLICY p ON pg_catalog.in_catalog2; DROP TRIGGER tr ON pg_catalog.in_catalog2; DROP TYPE pg_catalog.pair; DROP TABLE pg_catalog.in_catalog2, pg_catalog.filled; DROP VIEW pg_catalog.v; DROP MATERIALIZED VIEW pg_catalog.mv; DROP SEQUENCE pg_catalog.seq;
SELECT t.replayed('dropped', 'false');
-- what is there on every server, and what is no relation
SET allow_system_table_mods = on;
CREATE FUNCTION pg_catalog.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION pg_catalog.f() TO PUBLIC; COMMENT ON FUNCTION pg_catalog.f() IS 'x'; CREATE TYPE pg_catalog.en AS ENUM ('a');
REVOKE SELECT ON pg_catalog.pg_settings FROM PUBLIC; GRANT SELECT ON pg_catalog.pg_settings TO PUBLIC; COMMENT ON COLUMN pg_catalog.pg_class.relname IS 'x'; COMMENT ON COLUMN pg_catalog.pg_class.relname IS NULL;
CREATE TABLE b (x text); DROP TABLE b; DROP FUNCTION pg_catalog.f(); DROP TYPE pg_catalog.en; ALTER TABLE s.other ADD y int;
SELECT t.replayed('for replay', 'true');
