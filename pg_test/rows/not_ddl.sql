-- Commands that event triggers do not report: no row, no trace.
CREATE TABLE a (x int PRIMARY KEY);
SELECT t.mark();
SELECT 1; INSERT INTO a VALUES (1); VACUUM a; ANALYZE a; TRUNCATE a; SET DateStyle = 'ISO'; CHECKPOINT; LISTEN x; NOTIFY x; UNLISTEN x; DISCARD PLANS; EXPLAIN SELECT 1; VALUES (1);
BEGIN; LOCK a; COMMIT;
COPY (SELECT 1) TO STDOUT;
CREATE ROLE not_ddl_role; ALTER ROLE not_ddl_role SET DateStyle = 'ISO'; GRANT not_ddl_role TO CURRENT_USER; DROP ROLE not_ddl_role;
ALTER DATABASE :"db" SET work_mem = '8MB';
ALTER EVENT TRIGGER dts_intercept_ddl ENABLE;
CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
SELECT t.mark();
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION et();
ALTER EVENT TRIGGER et DISABLE;
DROP EVENT TRIGGER et;
REINDEX TABLE a;
SELECT t.is('only REINDEX, and only from 17 on', (SELECT coalesce(string_agg(tag, ','), '') FROM t.new()), CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 'REINDEX' ELSE '' END);
