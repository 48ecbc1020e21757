-- message: what other columns say is not written.
SELECT set_config(name, 'pglz', false) FROM pg_settings WHERE name = 'default_toast_compression'; -- 19 has another default
CREATE FUNCTION t.keys(name text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
  SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM t.one(name) o, public.dts_ddl_command c, jsonb_object_keys(c.message::jsonb) k WHERE c.id = o.id $$;
CREATE ROLE short_app; GRANT CREATE ON SCHEMA public TO short_app; SELECT t.mark();
CREATE TABLE a (x int); SELECT t.is('a table', t.keys('table'), 'objects replica_identity search_path superuser v');
DO $$ BEGIN CREATE VIEW b AS SELECT 1 AS x; END $$; SELECT t.is('nested', t.keys('nested'), 'nesting objects search_path superuser v');
-- the role of the session: where it is another one, or where a statement or a function may ask for it
SET ROLE short_app; CREATE VIEW c AS SELECT 1 AS x; RESET ROLE; SELECT t.is('SET ROLE', t.keys('role'), 'objects search_path session_user v');
CREATE POLICY po ON a TO SESSION_USER; SELECT t.is('SESSION_USER', t.keys('named'), 'objects search_path session_user superuser v');
ALTER TABLE a ADD CHECK (x > 0); SELECT t.check('functions', t.keys('functions') LIKE '% session_user %');
-- a name that the server chose and another one might not
CREATE SEQUENCE d_pkey; SELECT t.mark(); CREATE TABLE d (x int PRIMARY KEY);
SELECT t.is('of what was made', (SELECT string_agg(concat_ws(' ', o.x->>'schema', o.x->>'name', message::jsonb->'made'->0->>'name'), ', ') FROM public.dts_ddl_command, jsonb_array_elements(message::jsonb->'objects') o(x)
  WHERE id = (SELECT max(id) FROM public.dts_ddl_command)), 'public d d_pkey1, public d_pkey1 d_pkey1');
