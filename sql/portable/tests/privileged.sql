-- requires: 10
-- On a managed service the owner is no superuser. PostgreSQL itself lets only superusers make event triggers, so that everything else
-- is given to an ordinary role here.
CREATE ROLE :"role2" LOGIN; CREATE ROLE :"role1" LOGIN; GRANT :"role1" TO :"role2";
CREATE SCHEMA s AUTHORIZATION :"role1"; CREATE PUBLICATION dts_sync_p; ALTER PUBLICATION dts_sync_p OWNER TO :"role2";
GRANT CREATE ON DATABASE :"db" TO :"role2"; GRANT ALL ON SCHEMA public TO :"role2";
SET session_replication_role = replica;
SELECT format('ALTER %s %s OWNER TO portable_r2', o.kind, o.name) FROM (
  SELECT 'FUNCTION' AS kind, p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'dts_ddl_portable' OR p.proname = 'dts_capture_ddl'
  UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'S', 'v') AND (n.nspname = 'dts_ddl_portable' OR c.relname = 'dts_ddl_command')
  UNION ALL SELECT 'SCHEMA', 'dts_ddl_portable') o \gexec
RESET session_replication_role;
SELECT t.mark();
\c - :role1
SET client_min_messages = warning;
CREATE TABLE s.a (id serial PRIMARY KEY)\; CREATE TABLE s.b AS SELECT 1 AS x; DROP TABLE s.a;
SELECT t.is('published', (SELECT string_agg(concat(message ->> 'flags', username, (message ->> 'publications') IS NOT NULL, message ->> 'replica_identity'), ', ' ORDER BY id) FROM t.new()),
  'portable_r1t["s.a"], ["rows before structure"]portable_r1t["s.b"], portable_r1f');
SELECT t.rows('rows', 'CREATE TABLE s.a (id serial PRIMARY KEY)', 'CREATE TABLE s.b (x integer)', 'DROP TABLE s.a');
\c - :admin
CREATE TABLE s.c (x int);
SELECT t.is('a table of a role that the owner is no member of: flagged', (SELECT concat(message ->> 'flags', jsonb_array_length(message -> 'not_published')) FROM t.new()), '["not published"]2');
SELECT t.rows('and recorded', 'CREATE TABLE s.c (x int)');
SELECT t.is('no gaps', dts_ddl_portable.gaps()::text, '0');
SET client_min_messages = error;
SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger \gexec
DROP OWNED BY :"role1", :"role2" CASCADE; DROP ROLE :"role1", :"role2";
