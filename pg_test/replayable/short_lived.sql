-- Permanent objects that depend on temporary ones go with them; no other server can make them.
SET client_min_messages = error;
CREATE TEMP TABLE tmp (x int); CREATE TYPE pg_temp.e AS ENUM ('x'); SELECT t.mark();
CREATE FUNCTION t.goes(name text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE m jsonb; BEGIN m := (SELECT message FROM t.one(name)); PERFORM t.is(name, m->'replay', 'false'::jsonb); RETURN t.check(name || ': reason', m->>'replay_reason' ~ 'temporary', m::text); END $$;
SELECT t.mark();
CREATE FUNCTION f(tmp) RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT t.goes('argument');
CREATE FUNCTION g() RETURNS SETOF tmp LANGUAGE sql AS 'SELECT * FROM tmp'; SELECT t.goes('result');
CREATE DOMAIN d AS pg_temp.e[]; SELECT t.goes('domain');
ALTER FUNCTION g() STABLE; SELECT t.goes('alter');
COMMENT ON FUNCTION g() IS 'x'; SELECT t.goes('comment');
GRANT EXECUTE ON FUNCTION g() TO PUBLIC; SELECT t.goes('grant');
DROP FUNCTION f(tmp), g(); SELECT t.goes('drop');
DROP DOMAIN d; SELECT t.goes('drop domain');
CREATE FUNCTION h() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM tmp';
DROP FUNCTION h();
SELECT t.is('others are for replay', (SELECT count(*) FROM t.new() WHERE message ? 'replay'), 0);
SELECT t.texts('others', 'CREATE FUNCTION h() RETURNS bigint LANGUAGE sql AS ''SELECT count(*) FROM tmp''', 'DROP FUNCTION h()');
