-- Secrets do not reach the rows.
CREATE ROLE :"role1"; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h;', password 'se cret', dsn 'host=a password=secret', url 'postgres://u:secret@h/d');
CREATE USER MAPPING FOR :"role1" SERVER s OPTIONS ("user" 'u', password 'secr''et', x $$secret$$, y E'secret\'');
ALTER USER MAPPING FOR :"role1" SERVER s OPTIONS (SET password 'secret', DROP x, ADD z 'secret');
CREATE FOREIGN TABLE ft (a int OPTIONS (token 'secret', n 'plain')) SERVER s OPTIONS (password 'secret', t 'plain');
SELECT t.is('numbers', (SELECT string_agg(message ->> 'redacted', ',' ORDER BY id) FROM t.new()), '3,3,2,2');
SELECT t.rows('redacted', 'CREATE FOREIGN DATA WRAPPER w', 'CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host ''h;'', password ''********'', dsn ''********'', url ''********'')',
  'CREATE USER MAPPING FOR "portable_r1" SERVER s OPTIONS ("user" ''u'', password ''********'', x ''********'', y ''********'')',
  'ALTER USER MAPPING FOR "portable_r1" SERVER s OPTIONS (SET password ''********'', DROP x, ADD z ''********'')',
  'CREATE FOREIGN TABLE ft (a int OPTIONS (token ''********'', n ''plain'')) SERVER s OPTIONS (password ''********'', t ''plain'')');
-- constants in Unicode escapes, and in several parts
CREATE SERVER s2 FOREIGN DATA WRAPPER w OPTIONS (host U&'plain!0041' UESCAPE '!', uescape 'plain', password U&'secret', token U&'secret!0041' UESCAPE '!', pwd 'sec'
  'ret');
CREATE USER MAPPING FOR :"role1" SERVER s2 OPTIONS (password U&'secret!0041' UESCAPE '!', "user" U&'u');
SELECT t.rows('constants of every kind', E'CREATE SERVER s2 FOREIGN DATA WRAPPER w OPTIONS (host U&''plain!0041'' UESCAPE ''!'', uescape ''plain'', password ''********'', token ''********'', pwd ''********''\n  ''********'')',
  'CREATE USER MAPPING FOR "portable_r1" SERVER s2 OPTIONS (password ''********'', "user" U&''u'')');
\if :has10
SET client_min_messages = error;
CREATE SUBSCRIPTION s1 CONNECTION U&'host=x password=secret' PUBLICATION p WITH (connect = false);
ALTER SUBSCRIPTION s1 CONNECTION 'host=x '
  'password=secret';
SELECT t.rows('connection strings of every kind', 'CREATE SUBSCRIPTION s1 CONNECTION ''********'' PUBLICATION p WITH (connect = false)', E'ALTER SUBSCRIPTION s1 CONNECTION ''********''\n  ''********''');
ALTER SUBSCRIPTION s1 SET (slot_name = NONE); DROP SUBSCRIPTION s1; SELECT t.mark(); SET client_min_messages = warning;
\endif
-- a string that cannot be cut
SELECT set_config('session_replication_role', 'replica', false)\; ALTER USER MAPPING FOR :"role1" SERVER s OPTIONS (SET z 'secret')\; SELECT set_config('session_replication_role', 'origin', false)\; ALTER ROLE :"role1" PASSWORD 'secret'\; ALTER USER MAPPING FOR :"role1" SERVER s OPTIONS (SET z 'secret2', SET user 'u');
SELECT t.is('flagged', (SELECT concat(message ->> 'flags', message ->> 'redacted') FROM t.new()), '["whole string"]3');
SELECT t.is('nothing of it in any row', (SELECT count(*)::text FROM public.dts_ddl_command c WHERE concat(c.ddl_text, c.message, c.object_name) ~ 'secret|se cret'), '0');
DROP OWNED BY :"role1"; SET client_min_messages = error; DROP SERVER s CASCADE; DROP SERVER s2 CASCADE; DROP ROLE :"role1";
