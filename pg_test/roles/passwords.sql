-- Passwords of roles never reach the table, nor does a placeholder that would become one: the clause is left out.
SET client_min_messages = error;
LOAD 'dts_ddl_capture';
SET dts_ddl_capture.capture_roles = on;
CREATE FUNCTION t.left_out(name text, want text, n int, replay text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  PERFORM t.check(name || ': nowhere in the row', (SELECT row_to_json(x)::text !~ 's3cret' FROM t.new() x), (SELECT row_to_json(x)::text FROM t.new() x));
  r := t.one(name);
  PERFORM t.is(name, r.ddl_text, want);
  PERFORM t.is(name || ': replay', r.message->>'replay', replay);
  PERFORM t.is(name || ': why', r.message->>'replay_reason', CASE replay WHEN 'false' THEN 'passwords are not recorded' END);
  RETURN t.is(name || ': how many', coalesce(r.message->>'redacted', '0'), n::text);
END $$;
SELECT t.mark();
CREATE ROLE rp_a LOGIN PASSWORD 's3cret' CREATEDB;
SELECT t.left_out('create', 'CREATE ROLE rp_a LOGIN CREATEDB', 1);
CREATE USER rp_b WITH ENCRYPTED PASSWORD E's3cret\'' VALID UNTIL '2030-01-01';
SELECT t.left_out('create user', 'CREATE USER rp_b WITH VALID UNTIL ''2030-01-01''', 1);
CREATE ROLE encrypted IN ROLE rp_a PASSWORD $x$s3cret'$x$;
SELECT t.left_out('a role of that name', 'CREATE ROLE encrypted IN ROLE rp_a', 1);
ALTER ROLE encrypted RENAME TO rp_e;
SELECT t.left_out('renamed', 'ALTER ROLE encrypted RENAME TO rp_e', 0);
ALTER ROLE rp_a PASSWORD U&'s3cret!0061' UESCAPE '!' NOCREATEDB;
SELECT t.left_out('alter', 'ALTER ROLE rp_a NOCREATEDB', 1);
ALTER ROLE rp_a PASSWORD 's3cret'/* c */;
SELECT t.left_out('nothing but the password', 'ALTER ROLE rp_a', 1, 'false');
ALTER USER CURRENT_USER ENCRYPTED PASSWORD 's3cret';
SELECT t.left_out('one''s own', 'ALTER USER CURRENT_USER', 1, 'false');
ALTER ROLE rp_a PASSWORD 'SCRAM-SHA-256$4096:s3cret+AAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
SELECT t.left_out('a verifier', 'ALTER ROLE rp_a', 1, 'false');
ALTER ROLE rp_a PASSWORD NULL;
SELECT t.left_out('no password is no secret', 'ALTER ROLE rp_a PASSWORD NULL', 0);
-- whatever redact_secrets is
SET dts_ddl_capture.redact_secrets = off;
ALTER ROLE rp_a CREATEROLE PASSWORD 's3cret';
SELECT t.left_out('redact_secrets = off', 'ALTER ROLE rp_a CREATEROLE', 1);
RESET dts_ddl_capture.redact_secrets;
-- in a string, in EXECUTE, in functions; neither the row nor the context of the nesting may hold it
CREATE TABLE z (x int)\; ALTER ROLE rp_a LOGIN PASSWORD 's3cret'\; DROP TABLE z;
SELECT t.check('in a string', (SELECT bool_and(row_to_json(x)::text !~ 's3cret') FROM t.new() x));
SELECT t.texts('in a string', 'CREATE TABLE z (x int)', 'ALTER ROLE rp_a LOGIN', 'DROP TABLE z');
DO $$ BEGIN EXECUTE 'ALTER ROLE rp_a PASSWORD ''s3cret'' LOGIN'; END $$;
SELECT t.left_out('in EXECUTE in a DO block', 'ALTER ROLE rp_a LOGIN', 1);
CREATE FUNCTION rot(p text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE ROLE rp_f LOGIN PASSWORD %L', p); END $$;
CREATE FUNCTION rot2() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM rot('s3cret'); END $$;
SELECT t.mark();
SELECT rot2();
SELECT t.left_out('with the secret in a caller''s statement', 'CREATE ROLE rp_f LOGIN', 1);
SELECT current_setting('server_version_num')::int >= 190000 AS only_standard_strings \gset
\if :only_standard_strings
\else
SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = on;
ALTER ROLE rp_a PASSWORD 's3\'cret' CREATEDB;
RESET standard_conforming_strings;
SELECT t.check('strings with backslashes', (SELECT row_to_json(x)::text !~ 'cret' FROM t.new() x), (SELECT row_to_json(x)::text FROM t.new() x));
SELECT t.texts('strings with backslashes', 'ALTER ROLE rp_a CREATEDB');
\endif
-- the script says so, and runs what is left
CREATE ROLE rp_s LOGIN PASSWORD 's3cret';
ALTER ROLE rp_s PASSWORD 's3cret';
SELECT t.check('script', strpos(s, E'\n-- passwords left out: 1\n') > 0 AND strpos(s, '$dts$CREATE ROLE rp_s LOGIN$dts$') > 0 AND strpos(s, E' ALTER ROLE\n-- not run: passwords are not recorded\n-- ALTER ROLE rp_s\n') > 0, s)
  FROM (SELECT string_agg(s::text, E'\n') AS s FROM dts_ddl.script((SELECT mark FROM t.state)) s) x;
