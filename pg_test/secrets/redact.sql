-- Secrets never reach the table: the literal is replaced, the statement stays valid, message says how many.
SET client_min_messages = error;
CREATE ROLE secrets_r;
CREATE FUNCTION t.redacted(name text, want text, n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  r := t.one(name);
  PERFORM t.is(name, r.ddl_text, want);
  PERFORM t.is(name || ': how many', coalesce(r.message->>'redacted', '0'), n::text);
  RETURN t.check(name || ': nowhere in the row', (r.message::text || r.ddl_text) !~ 's3cret', r.message::text);
END $$;
CREATE FOREIGN DATA WRAPPER w OPTIONS (x 'plain');
CREATE SERVER s0 FOREIGN DATA WRAPPER w;
SELECT t.mark();
CREATE USER MAPPING FOR secrets_r SERVER s0 OPTIONS (user 'bob', password 's3cret');
SELECT t.check('user mapping', (SELECT ddl_text ~ $$password '\*{8}'\)$$ AND ddl_text !~ 's3cret' AND message->>'redacted' IS NOT NULL AND message::text !~ 's3cret' FROM t.new()), (SELECT ddl_text || message::text FROM t.new()));
SELECT t.sound('user mapping'), t.mark();
ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password 's3cret2');
SELECT t.redacted('alter user mapping', $$ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password '********')$$, 1);
ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (ADD a1 E's3cret\'x', SET password $q$s3cret'$q$, ADD a2 U&'s3cret\0061');
SELECT t.redacted('every kind of literal', $$ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (ADD a1 '********', SET password '********', ADD a2 '********')$$, 3);
ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (DROP a1, DROP a2);
SELECT t.redacted('nothing secret in it', 'ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (DROP a1, DROP a2)', 0);
CREATE SERVER s1 FOREIGN DATA WRAPPER w OPTIONS (password 's3cret', passfile 's3cretfile');
SELECT t.check('server options', (SELECT ddl_text !~ 's3cret' AND (message->>'redacted')::int >= 1 AND message::text !~ 's3cret' FROM t.new()), (SELECT ddl_text || message::text FROM t.new()));
SELECT t.sound('server'), t.mark();
ALTER SERVER s1 OPTIONS (SET password 's3cret' /* c */ );
SELECT t.check('alter server', (SELECT ddl_text !~ 's3cret' AND message::text !~ 's3cret' FROM t.new()), (SELECT ddl_text || message::text FROM t.new()));
SELECT t.sound('alter server'), t.mark();
CREATE SUBSCRIPTION sub CONNECTION 'host=nowhere user=bob password=s3cret' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false);
SELECT t.redacted('subscription', $$CREATE SUBSCRIPTION sub CONNECTION '********' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false, create_slot = false)$$, 1);
ALTER SUBSCRIPTION sub CONNECTION $x$host=nowhere password=s3cret$x$;
SELECT t.redacted('alter subscription', $$ALTER SUBSCRIPTION sub CONNECTION '********'$$, 1);
DROP SUBSCRIPTION sub;
SELECT t.mark();
-- in a string, in EXECUTE, in a function: neither the row nor the context of the nesting may hold it
CREATE TABLE z (x int)\; ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password 's3cret')\; DROP TABLE z;
SELECT t.check('in a string', (SELECT bool_and(ddl_text !~ 's3cret' AND message::text !~ 's3cret') FROM t.new()));
SELECT t.texts('in a string', 'CREATE TABLE z (x int)', $$ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password '********')$$, 'DROP TABLE z');
DO $$ BEGIN EXECUTE 'ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password ''s3cret'')'; END $$;
SELECT t.redacted('in EXECUTE in a DO block', $$ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password '********')$$, 1);
CREATE FUNCTION rot(p text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password %L)', p); END $$;
CREATE FUNCTION rot2() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM rot('s3cret'); END $$;
SELECT t.mark();
SELECT rot2();
SELECT t.redacted('with the secret in a caller''s statement', $$ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password '********')$$, 1);
-- words that look like secrets elsewhere are left alone
CREATE TABLE accounts (password text DEFAULT 'initial', "OPTIONS" text CHECK ("OPTIONS" <> 'password'));
COMMENT ON TABLE accounts IS 'password = CONNECTION ''x''';
CREATE FUNCTION pw() RETURNS text LANGUAGE sql AS $$ SELECT 'password s3cret' $$;
SELECT t.texts('left alone', $$CREATE TABLE accounts (password text DEFAULT 'initial', "OPTIONS" text CHECK ("OPTIONS" <> 'password'))$$, $$COMMENT ON TABLE accounts IS 'password = CONNECTION ''x'''$$,
  $x$CREATE FUNCTION pw() RETURNS text LANGUAGE sql AS $$ SELECT 'password s3cret' $$$x$);
-- foreign tables' options are not secrets
CREATE FOREIGN TABLE ft (x int OPTIONS (column_name 'y')) SERVER s0 OPTIONS (table_name 'remote');
SELECT t.check('foreign table', (SELECT ddl_text LIKE '%table_name%' FROM t.one('foreign table')));
-- switched off
SET dts_ddl_capture.redact_secrets = off;
ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password 's3cret');
SELECT t.is('switched off', (SELECT ddl_text || coalesce(message->>'redacted', '') FROM t.one('off')), $$ALTER USER MAPPING FOR secrets_r SERVER s0 OPTIONS (SET password 's3cret')$$);
