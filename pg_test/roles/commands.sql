-- With capture_roles, each command on roles is one row: no event trigger is told of them, the hook records them.
SET client_min_messages = error;
LOAD 'dts_ddl_capture';
SELECT t.is('off by default', current_setting('dts_ddl_capture.capture_roles'), 'off');
CREATE ROLE rc_before; ALTER ROLE rc_before RENAME TO rc_still_before; COMMENT ON ROLE rc_still_before IS 'x'; DROP ROLE rc_still_before;
SELECT t.none('off');
SET dts_ddl_capture.capture_roles = on;

CREATE ROLE rc_a LOGIN CREATEDB VALID UNTIL '2030-01-01';
SELECT t.check('a row like any other', tag = 'CREATE ROLE' AND object_type = 'role' AND object_name = 'rc_a' AND username = :'user' AND schema = 'public'
  AND t.objects(message) = '{create role rc_a}' AND message->'objects'->0->>'name' = 'rc_a' AND message->>'superuser' = 'true' AND message->>'replay' IS NULL, message::text) FROM t.new();
SELECT t.texts('create', 'CREATE ROLE rc_a LOGIN CREATEDB VALID UNTIL ''2030-01-01''');
CREATE USER "rc ""B" IN ROLE rc_a; CREATE GROUP rc_g USER rc_a;
SELECT t.is('names', ARRAY(SELECT tag || ' ' || object_name || ' ' || (message->'objects'->0->>'name') FROM t.new() ORDER BY n), ARRAY['CREATE ROLE "rc ""B" rc "B', 'CREATE ROLE rc_g rc_g']);
SELECT t.texts('user and group', 'CREATE USER "rc ""B" IN ROLE rc_a', 'CREATE GROUP rc_g USER rc_a');

ALTER ROLE rc_a NOLOGIN CONNECTION LIMIT 5; ALTER USER rc_a SET DateStyle = 'SQL, DMY'; ALTER ROLE rc_a RESET ALL; ALTER ROLE ALL IN DATABASE :"db" SET DateStyle = 'ISO, MDY'; ALTER ROLE ALL IN DATABASE :"db" RESET ALL;
SELECT t.is('altered', (SELECT array_agg(tag || ' ' || object_type || ' ' || coalesce(object_name, '-') ORDER BY n) FROM t.new()), ARRAY['ALTER ROLE role rc_a', 'ALTER ROLE role rc_a', 'ALTER ROLE role rc_a', 'ALTER ROLE role -', 'ALTER ROLE role -']);
SELECT t.texts('alter', 'ALTER ROLE rc_a NOLOGIN CONNECTION LIMIT 5', 'ALTER USER rc_a SET DateStyle = ''SQL, DMY''', 'ALTER ROLE rc_a RESET ALL',
  format('ALTER ROLE ALL IN DATABASE "%s" SET DateStyle = ''ISO, MDY''', current_database()), format('ALTER ROLE ALL IN DATABASE "%s" RESET ALL', current_database()));
ALTER GROUP rc_g DROP USER rc_a; ALTER GROUP rc_g ADD USER rc_a; ALTER ROLE "rc ""B" RENAME TO rc_b; COMMENT ON ROLE rc_b IS 'it''s b';
SELECT t.is('group, rename, comment', (SELECT array_agg(tag || ' ' || object_name || ' ' || t.objects(message)::text ORDER BY n) FROM t.new()),
  ARRAY['ALTER ROLE rc_g {"alter role rc_g"}', 'ALTER ROLE rc_g {"alter role rc_g"}', 'ALTER ROLE rc_b {"alter role rc_b"}', 'COMMENT rc_b {"alter role rc_b"}']);
SELECT t.texts('more', 'ALTER GROUP rc_g DROP USER rc_a', 'ALTER GROUP rc_g ADD USER rc_a', 'ALTER ROLE "rc ""B" RENAME TO rc_b', 'COMMENT ON ROLE rc_b IS ''it''''s b''');
SELECT t.fails('no provider of labels', $$SECURITY LABEL ON ROLE rc_b IS 'x'$$, '22023', '%provider%');
SELECT t.none('a label that failed');

GRANT rc_a, rc_g TO rc_b WITH ADMIN OPTION; REVOKE ADMIN OPTION FOR rc_a FROM rc_b; REVOKE rc_a FROM rc_b CASCADE;
SELECT t.is('grants', (SELECT array_agg(tag || ' ' || object_name || ' ' || t.objects(message)::text ORDER BY n) FROM t.new()),
  ARRAY['GRANT ROLE rc_a {"alter role rc_a","alter role rc_g"}', 'REVOKE ROLE rc_a {"alter role rc_a"}', 'REVOKE ROLE rc_a {"alter role rc_a"}']);
SELECT t.texts('grant', 'GRANT rc_a, rc_g TO rc_b WITH ADMIN OPTION', 'REVOKE ADMIN OPTION FOR rc_a FROM rc_b', 'REVOKE rc_a FROM rc_b CASCADE');
SELECT current_setting('server_version_num')::int >= 160000 AS has_options \gset
\if :has_options
GRANT rc_a TO rc_b WITH INHERIT FALSE, SET TRUE, ADMIN FALSE GRANTED BY CURRENT_USER; REVOKE INHERIT OPTION FOR rc_a FROM rc_b GRANTED BY CURRENT_USER; REVOKE SET OPTION FOR rc_a FROM rc_b;
SELECT t.is('options', (SELECT string_agg(tag || ' ' || object_name, ',' ORDER BY n) FROM t.new()), 'GRANT ROLE rc_a,REVOKE ROLE rc_a,REVOKE ROLE rc_a');
SELECT t.mark();
REVOKE rc_a FROM rc_b;
SELECT t.mark();
\endif

-- what changed nothing leaves no row
GRANT rc_g TO rc_b; REVOKE rc_a FROM rc_b; DROP ROLE IF EXISTS rc_nobody, rc_nobody_else; ALTER ROLE rc_a RESET work_mem; COMMENT ON ROLE rc_a IS NULL;
SELECT t.fails('an error is PostgreSQL''s own', 'DROP ROLE rc_nobody', '42704', 'role "rc_nobody" does not exist');
SELECT t.fails('and so is this one', 'ALTER ROLE rc_nobody NOLOGIN', '42704', 'role "rc_nobody" does not exist');
SELECT t.none('nothing done');
DROP ROLE IF EXISTS rc_nobody, rc_b, rc_g, rc_b;
SELECT t.is('dropped: those that were there', (SELECT tag || ' ' || object_type || ' ' || object_name || ' ' || t.objects(message)::text FROM t.new()), 'DROP ROLE role rc_b {"drop role rc_b (original)","drop role rc_g (original)"}');
SELECT t.texts('drop', 'DROP ROLE IF EXISTS rc_nobody, rc_b, rc_g, rc_b');

-- transactions, strings, functions, other roles
BEGIN; CREATE ROLE rc_rolled_back; SAVEPOINT s; CREATE ROLE rc_rolled_back_2; ROLLBACK TO s; ROLLBACK;
SELECT t.none('rolled back');
BEGIN; SAVEPOINT s; CREATE ROLE rc_no; ROLLBACK TO s; CREATE ROLE rc_yes; COMMIT;
SELECT t.texts('in part', 'CREATE ROLE rc_yes');
/* a */ CREATE ROLE rc_s1 /* b */ LOGIN ; CREATE TABLE rt (x int)\; CREATE ROLE rc_s2\; GRANT SELECT ON rt TO rc_s2\; DROP TABLE rt\; DROP USER rc_s2;
SELECT t.texts('a string', 'CREATE ROLE rc_s1 /* b */ LOGIN', 'CREATE TABLE rt (x int)', 'CREATE ROLE rc_s2', 'GRANT SELECT ON rt TO rc_s2', 'DROP TABLE rt', 'DROP USER rc_s2');
CREATE FUNCTION rf() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE format('CREATE ROLE %I; ALTER ROLE %1$I CREATEROLE', 'rc_f'); COMMENT ON ROLE rc_f IS 'f'; END $$;
CREATE FUNCTION rg() RETURNS void LANGUAGE sql AS 'GRANT rc_a TO rc_f; ';
SELECT t.mark();
SELECT rf(), rg();
SELECT t.check('nested', (SELECT bool_and(message->'nesting'->>'level' = 'nested' AND message->'nesting'->'inside'->>0 LIKE '%function%') FROM t.new()), (SELECT string_agg(message::text, ' ') FROM t.new()));
SELECT t.texts('functions', 'CREATE ROLE rc_f', 'ALTER ROLE rc_f CREATEROLE', 'COMMENT ON ROLE rc_f IS ''f''', 'GRANT rc_a TO rc_f');
SET ROLE rc_f; CREATE ROLE rc_of_f; ALTER ROLE CURRENT_USER SET work_mem = '1MB'; RESET ROLE;
SELECT t.is('who and on what', (SELECT string_agg(username || ' ' || object_name || ' ' || coalesce(message->>'superuser', 'false'), ', ' ORDER BY n) FROM t.new()), 'rc_f rc_of_f false, rc_f rc_f false');
SELECT t.texts('as another role', 'CREATE ROLE rc_of_f', 'ALTER ROLE CURRENT_USER SET work_mem = ''1MB''');

-- switched off, or an applier's
SET dts_ddl_capture.enabled = off; CREATE ROLE rc_off; RESET dts_ddl_capture.enabled;
SET session_replication_role = replica; CREATE ROLE rc_replica; RESET session_replication_role;
ALTER EVENT TRIGGER dts_intercept_ddl DISABLE; CREATE ROLE rc_disabled; ALTER EVENT TRIGGER dts_intercept_ddl ENABLE;
SET dts_ddl_capture.capture_roles = off; CREATE ROLE rc_off_again; RESET dts_ddl_capture.capture_roles; SET dts_ddl_capture.capture_roles = on;
SELECT t.none('switched off');
SET ROLE rc_f;
SELECT t.fails('not everybody may', 'SET dts_ddl_capture.capture_roles = off', '42501');
RESET ROLE;
-- a failure is treated as with any other command
SET dts_ddl_capture.enabled = off; ALTER TABLE public.dts_ddl_command RENAME TO gone; RESET dts_ddl_capture.enabled;
SELECT t.fails('on_error = error', 'CREATE ROLE rc_failed', '55000', 'capture table%');
SELECT t.is('the role is not there', (SELECT count(*) FROM pg_roles WHERE rolname = 'rc_failed'), 0);
SET dts_ddl_capture.on_error = warning;
CREATE ROLE rc_gap;
SELECT t.is('counted', dts_ddl.gaps(), 1);
RESET dts_ddl_capture.on_error;
SET dts_ddl_capture.enabled = off; ALTER TABLE public.gone RENAME TO dts_ddl_command;
