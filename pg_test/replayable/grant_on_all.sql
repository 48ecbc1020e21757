-- A GRANT ON ALL .. IN SCHEMA is for other servers, though objects of the extension are among them; one on these alone is not. Of many
-- objects the first hundred are told.
CREATE ROLE goa_app; CREATE TABLE public.a (i int); CREATE SEQUENCE public.q; CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION t.replay(name text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT coalesce(message->>'replay', 'true') FROM t.one(name)); END $$;
SELECT t.mark();
GRANT SELECT ON ALL TABLES IN SCHEMA public TO goa_app; SELECT t.is('all tables', t.replay('tables'), 'true');
REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM goa_app; SELECT t.is('revoked', t.replay('revoke'), 'true');
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO goa_app; SELECT t.is('all sequences', t.replay('sequences'), 'true');
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO goa_app; SELECT t.is('all functions', t.replay('functions'), 'true');
GRANT SELECT ON public.dts_ddl_command, public.a TO goa_app; SELECT t.is('the capture table and another', t.replay('both'), 'true');
GRANT SELECT ON public.a, public.dts_ddl_command TO goa_app; SELECT t.is('another and the capture table', t.replay('both'), 'true');
GRANT SELECT ON public.dts_ddl_command TO goa_app; SELECT t.is('the capture table', t.replay('own'), 'false');
GRANT USAGE ON ALL SEQUENCES IN SCHEMA dts_ddl TO goa_app; SELECT t.is('all of the extension', t.replay('own'), 'false');
REVOKE ALL ON ALL SEQUENCES IN SCHEMA dts_ddl FROM goa_app; SELECT t.mark();
CREATE SCHEMA many; DO $$ BEGIN FOR i IN 1 .. 101 LOOP EXECUTE format('CREATE TABLE many.t%s ()', i); END LOOP; END $$; SELECT t.mark();
GRANT SELECT ON ALL TABLES IN SCHEMA many TO goa_app;
SELECT t.is('of many', (SELECT concat_ws(' ', jsonb_array_length(message->'objects'), message->'left_out') FROM t.one('many')), '100 ["objects"]');
DROP TABLE many.t1; SELECT t.mark();
GRANT SELECT ON ALL TABLES IN SCHEMA many TO goa_app;
SELECT t.is('of a hundred', (SELECT concat_ws(' ', jsonb_array_length(message->'objects'), message->'left_out') FROM t.one('many')), '100');
