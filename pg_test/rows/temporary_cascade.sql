-- A DROP of temporary objects is nothing for another server, but what its CASCADE takes from permanent ones is: a row for each of these.
SET client_min_messages = error;
CREATE PROCEDURE t.prepare() LANGUAGE plpgsql AS $p$
BEGIN
  CREATE TEMP TABLE tt (a int); CREATE TEMP SEQUENCE ts; CREATE TYPE pg_temp.en AS ENUM ('x');
  CREATE FUNCTION pg_temp.tf(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
  CREATE FUNCTION pg_temp.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
  CREATE TABLE p (id int DEFAULT nextval('ts'), "c""d" tt, e pg_temp.en[], v int CONSTRAINT "ck on x" CHECK (pg_temp.tf(v) > 0), g int GENERATED ALWAYS AS (pg_temp.tf(id)) STORED);
  CREATE INDEX pi ON p (pg_temp.tf(v));
  CREATE TABLE part (id int) PARTITION BY LIST ((pg_temp.tf(id)));
  CREATE VIEW w AS SELECT 1 AS x; CREATE VIEW ww AS SELECT x FROM w; CREATE OR REPLACE VIEW w AS SELECT pg_temp.tf(1) AS x;
  -- from 19 on a view of a temporary function is temporary, and a materialized one is refused
  IF current_setting('server_version_num')::int < 190000 THEN
    CREATE MATERIALIZED VIEW m AS SELECT pg_temp.tf(1) AS x;
  END IF;
  CREATE TYPE co AS (a int, b tt);
  CREATE DOMAIN d AS int CONSTRAINT "a on b" CHECK (pg_temp.tf(VALUE) > 0); CREATE DOMAIN before AS int;
  ALTER DOMAIN before ADD CONSTRAINT "a on b" CHECK (pg_temp.tf(VALUE) > 0);
  CREATE TABLE q (id int PRIMARY KEY, n serial);
  CREATE FUNCTION f(tt) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE TRIGGER r BEFORE INSERT ON q FOR EACH ROW EXECUTE FUNCTION pg_temp.tr();
END $p$;
SELECT current_setting('server_version_num')::int < 190000 AS has_views \gset
CALL t.prepare(); SELECT t.mark();
-- what was never for another server (a function on a temporary row type, a trigger of a temporary function, a domain) goes without a row
DROP TABLE tt CASCADE;
SELECT t.texts('table', 'ALTER TABLE IF EXISTS public.p DROP COLUMN IF EXISTS "c""d"');
DROP SEQUENCE ts CASCADE;
SELECT t.texts('sequence', 'ALTER TABLE IF EXISTS public.p ALTER COLUMN id DROP DEFAULT');
DROP TYPE pg_temp.en CASCADE;
SELECT t.is('type', (SELECT concat_ws(' | ', ddl_text, tag, object_type, object_name, t.objects(message)::text, message -> 'original') FROM t.one('one row')),
  'ALTER TABLE IF EXISTS public.p DROP COLUMN IF EXISTS e | ALTER TABLE | table column | public.p.e | {"drop table column public.p.e (dependent)"} | {"tag": "DROP TYPE", "text": "DROP TYPE pg_temp.en CASCADE"}');
DROP FUNCTION pg_temp.tf(int), pg_temp.tr() CASCADE;
SELECT t.is('functions', (SELECT string_agg(ddl_text, '; ' ORDER BY ddl_text COLLATE "C") FROM t.new()), concat_ws('; ',
  'ALTER DOMAIN public.before DROP CONSTRAINT IF EXISTS "a on b"', 'ALTER TABLE IF EXISTS public.p DROP COLUMN IF EXISTS g',
  'DROP TABLE IF EXISTS public.part', CASE WHEN :'has_views'::bool THEN 'DROP VIEW IF EXISTS public.w; DROP VIEW IF EXISTS public.ww' END));
SELECT t.check('what depends goes first', NOT :'has_views'::bool OR (SELECT max(n) FILTER (WHERE ddl_text ~ '\.ww$') < max(n) FILTER (WHERE ddl_text ~ '\.w$') FROM t.new()));
SELECT t.sound('functions'), t.mark();
-- beside a permanent table, before whose own row they come
CREATE TEMP TABLE tt (a int); ALTER TABLE p ADD c tt; CREATE VIEW of_q AS SELECT n FROM q; SELECT t.mark();
DROP TABLE tt, q CASCADE;
SELECT t.texts('beside a permanent one', 'ALTER TABLE IF EXISTS public.p DROP COLUMN IF EXISTS c', 'DROP VIEW IF EXISTS public.of_q', 'DROP TABLE q CASCADE');
CREATE TEMP TABLE tt (a int, b int); CREATE VIEW pg_temp.tv AS SELECT * FROM tt; SELECT t.mark();
ALTER TABLE tt DROP COLUMN a CASCADE; DROP TABLE tt CASCADE;
SELECT t.none('nothing permanent');
