-- Commands on roles load no library: a session records them from its first other DDL on, or from the beginning where it
-- preloads the library.
SET client_min_messages = error;
LOAD 'dts_ddl_capture';
ALTER DATABASE :"db" SET dts_ddl_capture.capture_roles = on;
SELECT t.mark();
\c
SET client_min_messages = error;
CREATE ROLE rl_unseen;
SELECT t.none('without the library');
CREATE TABLE loads (x int); CREATE ROLE rl_seen;
SELECT t.texts('from the first DDL on', 'CREATE TABLE loads (x int)', 'CREATE ROLE rl_seen');
ALTER DATABASE :"db" SET session_preload_libraries = 'dts_ddl_capture';
\c
SET client_min_messages = error;
CREATE ROLE rl_first;
SELECT t.texts('preloaded', 'CREATE ROLE rl_first');
-- without the extension nothing is recorded
DROP EXTENSION dts_ddl_capture;
\c
SET client_min_messages = error;
CREATE ROLE rl_without; DROP ROLE rl_without;
SELECT t.is('nothing', (SELECT count(*) FROM pg_class WHERE relname LIKE 'dts%'), 0);
