-- The attack that makes a superuser of anybody under the PL/pgSQL function: an unprivileged role plants, in a schema of its
-- own that comes first in its search_path, everything that the capture could call by an unqualified name.
CREATE ROLE attack_mallory LOGIN;
CREATE SCHEMA mallory AUTHORIZATION attack_mallory;
GRANT TEMPORARY ON DATABASE :"db" TO attack_mallory;
SELECT t.mark();
\c - attack_mallory
SET search_path = mallory, pg_catalog;
CREATE TABLE mallory.ran (what text, who text, su boolean);
GRANT INSERT ON mallory.ran TO PUBLIC;
GRANT USAGE ON SCHEMA mallory TO PUBLIC;
-- it notes every call by anybody, and takes the chance
CREATE FUNCTION mallory.hit(what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE su boolean;
BEGIN
  SELECT rolsuper INTO su FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user;
  INSERT INTO mallory.ran VALUES (what, current_user, su);
  IF su THEN ALTER ROLE attack_mallory SUPERUSER; END IF;
END $$;
CREATE FUNCTION mallory.current_query() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('current_query'); RETURN 'forged'; END $$;
CREATE FUNCTION mallory.current_database() RETURNS name LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('current_database'); RETURN 'forged'; END $$;
CREATE FUNCTION mallory.current_schema() RETURNS name LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('current_schema'); RETURN 'forged'; END $$;
CREATE FUNCTION mallory.current_schemas(boolean) RETURNS name[] LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('current_schemas'); RETURN '{forged}'; END $$;
CREATE FUNCTION mallory.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('now'); RETURN '1999-01-01'; END $$;
CREATE FUNCTION mallory.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('clock_timestamp'); RETURN '1999-01-01'; END $$;
CREATE FUNCTION mallory.txid_current() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('txid_current'); RETURN 1; END $$;
CREATE FUNCTION mallory.inet_client_addr() RETURNS inet LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('inet_client_addr'); RETURN '6.6.6.6'; END $$;
CREATE FUNCTION mallory.inet_client_port() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('inet_client_port'); RETURN 6; END $$;
CREATE FUNCTION mallory.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('nextval'); RETURN 6; END $$;
CREATE FUNCTION mallory.format(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('format'); RETURN 'forged'; END $$;
CREATE FUNCTION mallory.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('format'); RETURN 'forged'; END $$;
CREATE FUNCTION mallory.quote_ident(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('quote_ident'); RETURN 'forged'; END $$;
CREATE FUNCTION mallory.count(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('count'); RETURN 6; END $$;
CREATE FUNCTION mallory.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('current_setting'); RETURN 'off'; END $$;
CREATE FUNCTION mallory.pg_event_trigger_ddl_commands() RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('ddl_commands'); END $$;
CREATE FUNCTION mallory.pg_event_trigger_dropped_objects() RETURNS SETOF record LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('dropped_objects'); END $$;
CREATE FUNCTION mallory.op_text(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('text operator'); RETURN true; END $$;
CREATE FUNCTION mallory.op_name(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('name operator'); RETURN true; END $$;
CREATE FUNCTION mallory.op_name_text(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('name-text operator'); RETURN true; END $$;
CREATE FUNCTION mallory.op_oid(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('oid operator'); RETURN true; END $$;
CREATE FUNCTION mallory.op_int8(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('bigint operator'); RETURN true; END $$;
CREATE FUNCTION mallory.op_int84(bigint, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('bigint operator'); RETURN true; END $$;
CREATE FUNCTION mallory.op_concat(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('concatenation'); RETURN 'forged'; END $$;
CREATE OPERATOR mallory.= (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.op_text);
CREATE OPERATOR mallory.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.op_text);
CREATE OPERATOR mallory.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.op_text);
CREATE OPERATOR mallory.~~ (LEFTARG = name, RIGHTARG = text, FUNCTION = mallory.op_name_text);
CREATE OPERATOR mallory.= (LEFTARG = name, RIGHTARG = name, FUNCTION = mallory.op_name);
CREATE OPERATOR mallory.= (LEFTARG = name, RIGHTARG = text, FUNCTION = mallory.op_name_text);
CREATE OPERATOR mallory.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = mallory.op_oid);
CREATE OPERATOR mallory.<= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = mallory.op_int8);
CREATE OPERATOR mallory.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = mallory.op_int8);
CREATE OPERATOR mallory.> (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = mallory.op_int84);
CREATE OPERATOR mallory.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = mallory.op_int8);
CREATE OPERATOR mallory.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.op_concat);
-- relations and types under the names that capture uses
CREATE TABLE mallory.dts_ddl_command (ddl_text text, id bigint, event text, tag text);
CREATE TABLE mallory.pg_publication (pubname name);
CREATE TABLE mallory.pg_class (relname name);
CREATE DOMAIN mallory.text AS pg_catalog.text CHECK (mallory.op_text(VALUE::pg_catalog.text, ''));
CREATE DOMAIN mallory.varchar AS pg_catalog.text CHECK (mallory.op_text(VALUE::pg_catalog.text, ''));
CREATE TEMP TABLE dts_ddl_command (ddl_text pg_catalog.text, id bigint, event pg_catalog.text);
CREATE TEMP TABLE pg_publication (pubname name);
CREATE TEMP TABLE pg_trigger_guard (x int);
CREATE FUNCTION pg_temp.current_query() RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.hit('pg_temp.current_query'); RETURN 'forged'; END $$;
SELECT t.mark();
TRUNCATE mallory.ran;

-- every kind of path through the capture, with the planted things first
SET search_path = mallory, pg_temp, pg_catalog;
CREATE TABLE mallory.victim (id int PRIMARY KEY, v pg_catalog.text);
ALTER TABLE mallory.victim ADD COLUMN w float8 DEFAULT pg_catalog.random();
CREATE INDEX ON mallory.victim (v);
CREATE TABLE mallory.made AS SELECT 1 AS a;
SELECT 2 AS a INTO mallory.made2;
GRANT SELECT ON mallory.victim TO PUBLIC;
COMMENT ON TABLE mallory.victim IS 'x';
DROP TABLE mallory.victim, mallory.made CASCADE;
DO $$ BEGIN EXECUTE 'CREATE TABLE mallory.nested (a int); DROP TABLE mallory.nested'; END $$;

SELECT t.is('nothing planted ran', (SELECT pg_catalog.string_agg(what, ',') FROM mallory.ran), NULL);
SELECT t.is('not a superuser', (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'attack_mallory'), false);
SELECT t.is('rows are true', (SELECT pg_catalog.string_agg(tag, ',' ORDER BY n) FROM t.new()),
  'CREATE TABLE,ALTER TABLE,CREATE INDEX,CREATE TABLE,CREATE TABLE,GRANT,COMMENT,DROP TABLE,CREATE TABLE,DROP TABLE');
SELECT t.is('user, database and schema are true', (SELECT DISTINCT username OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) schema FROM t.new()), 'attack_mallory mallory');
SELECT t.texts('texts are true', 'CREATE TABLE mallory.victim (id int PRIMARY KEY, v pg_catalog.text)',
  'ALTER TABLE mallory.victim ADD COLUMN w float8 DEFAULT pg_catalog.random()', 'CREATE INDEX ON mallory.victim (v)',
  'CREATE TABLE mallory.made (a integer)', 'CREATE TABLE mallory.made2 (a integer)',
  'GRANT SELECT ON mallory.victim TO PUBLIC', $$COMMENT ON TABLE mallory.victim IS 'x'$$, 'DROP TABLE mallory.victim, mallory.made CASCADE',
  'CREATE TABLE mallory.nested (a int)', 'DROP TABLE mallory.nested');

-- The same with a publication of the prefix, the limits at work and the owner's session looking at the trap.
\c - :user
SET client_min_messages = error;
CREATE PUBLICATION dts_sync_attack;
ALTER DATABASE :"db" SET dts_ddl_capture.max_rows = 3;
\c - attack_mallory
SET search_path = mallory, pg_temp, pg_catalog;
CREATE TABLE mallory.published (id int);
CREATE TABLE mallory.published2 AS SELECT 1 AS a;
SELECT t.is('nothing planted ran in publishing and pruning', (SELECT pg_catalog.string_agg(what, ',') FROM mallory.ran), NULL);
SELECT t.is('published', (SELECT pg_catalog.count(*)::int FROM pg_publication_tables WHERE pubname OPERATOR(pg_catalog.=) 'dts_sync_attack'), 2);
\c - :user
SET client_min_messages = error;
SET search_path = mallory, pg_temp, pg_catalog;
CREATE TABLE t.by_superuser (id int);
SELECT t.is('a superuser in the trap: capture itself called nothing', (SELECT pg_catalog.string_agg(what, ',') FROM mallory.ran), NULL);
SELECT t.is('still not a superuser', (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'attack_mallory'), false);
