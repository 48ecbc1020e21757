-- DROP: every object, also those that CASCADE took, and whether the command named it.
CREATE FUNCTION t.has(name text, VARIADIC want text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN t.is(name, (SELECT t.objects(message) FROM t.one(name)), ARRAY(SELECT x FROM unnest(want) x ORDER BY x COLLATE "C")); END $$;
SET client_min_messages = error;
CREATE TABLE a (id int); CREATE VIEW va AS SELECT * FROM a; CREATE VIEW vva AS SELECT * FROM va; SELECT t.mark();
DROP TABLE a CASCADE;
SELECT t.is('CASCADE: the named one and what depends on it', (SELECT array_agg(o->>'identity' ORDER BY o->>'identity' COLLATE "C") FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' IN ('table', 'view')), ARRAY['public.a', 'public.va', 'public.vva']);
SELECT t.is('original', (SELECT string_agg(o->>'identity' || ' ' || (o->>'original'), ', ' ORDER BY o->>'identity' COLLATE "C") FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' IN ('table', 'view')), 'public.a true, public.va false, public.vva false');
SELECT t.is('row types and array types go without saying', (SELECT count(*)::text FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'type'), '0');
SELECT t.is('op', (SELECT string_agg(DISTINCT o->>'op', ',') FROM t.new(), jsonb_array_elements(message->'objects') o), 'drop');
SELECT t.is('schema and name', (SELECT string_agg((o->>'schema') || '/' || (o->>'name'), ',' ORDER BY o->>'name') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), 'public/a');
SELECT t.texts('text', 'DROP TABLE a CASCADE');
CREATE TABLE b (id int); CREATE TABLE c (id int); SELECT t.mark();
DROP TABLE b, c;
SELECT t.is('two named', (SELECT string_agg(o->>'identity' || ' ' || (o->>'original'), ', ' ORDER BY o->>'identity') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), 'public.b true, public.c true');
SELECT t.mark();
CREATE SCHEMA s CREATE TABLE t1 (id serial PRIMARY KEY) CREATE VIEW v1 AS SELECT * FROM t1; SELECT t.mark();
DROP SCHEMA s CASCADE;
SELECT t.check('a schema with its contents', (SELECT t.objects(message) @> ARRAY['drop schema s (original)', 'drop table s.t1 (dependent)', 'drop view s.v1 (dependent)', 'drop sequence s.t1_id_seq (dependent)'] FROM t.new()), (SELECT t.objects(message)::text FROM t.new()));
SELECT t.mark();
CREATE TABLE d (id int PRIMARY KEY, x int DEFAULT 1 CHECK (x > 0)); CREATE INDEX di ON d (x); CREATE VIEW dv AS SELECT x FROM d; SELECT t.mark();
ALTER TABLE d DROP COLUMN x CASCADE;
SELECT t.check('ALTER TABLE DROP COLUMN: altered table and dropped column, index, view', (SELECT t.objects(message) @> ARRAY['alter table public.d', 'drop table column public.d.x (original)', 'drop view public.dv (dependent)', 'drop index public.di (dependent)'] FROM t.new()), (SELECT t.objects(message)::text FROM t.new()));
SELECT t.is('the main object is the table', (SELECT object_type || ' ' || object_name FROM t.one('column')), 'table public.d');
ALTER TABLE d DROP CONSTRAINT d_pkey;
SELECT t.check('DROP CONSTRAINT', (SELECT t.objects(message) @> ARRAY['alter table public.d', 'drop table constraint d_pkey on public.d (original)'] FROM t.new()), (SELECT t.objects(message)::text FROM t.new()));
SELECT t.mark();
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER tr AFTER INSERT ON d FOR EACH ROW EXECUTE FUNCTION tf(); SELECT t.mark();
DROP FUNCTION tf() CASCADE;
SELECT t.has('function with its trigger', 'drop function public.tf() (original)', 'drop trigger tr on public.d (dependent)');
CREATE TYPE e AS ENUM ('x'); ALTER TABLE d ADD COLUMN e e; SELECT t.mark();
DROP TYPE e CASCADE;
SELECT t.check('type with the column', (SELECT t.objects(message) @> ARRAY['drop type public.e (original)', 'drop table column public.d.e (dependent)'] FROM t.new()), (SELECT t.objects(message)::text FROM t.new()));
SELECT t.mark();
-- two DROPs in one string, one nested, one rolled back: no mixing
CREATE TABLE m1 (x int); CREATE TABLE m2 (x int); CREATE TABLE m3 (x int); SELECT t.mark();
DROP TABLE m1\; DO $$ BEGIN BEGIN DROP TABLE m2; PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN DROP TABLE m3; END; END $$\; DROP TABLE m2;
SELECT t.is('each row names its own', (SELECT string_agg((SELECT string_agg(o->>'identity', '+') FROM jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), ', ' ORDER BY n) FROM t.new()), 'public.m1, public.m3, public.m2');
SELECT t.texts('texts', 'DROP TABLE m1', 'DROP TABLE m3', 'DROP TABLE m2');
-- DROP inside a function that is itself run by DDL
CREATE TABLE inner_victim (x int);
CREATE FUNCTION dropper() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN DROP TABLE IF EXISTS inner_victim; RETURN 1; END $$;
CREATE TABLE host (x int); INSERT INTO host VALUES (1); SELECT t.mark();
ALTER TABLE host ADD COLUMN y int DEFAULT dropper();
SELECT t.is('an inner DROP is the inner row''s', (SELECT string_agg(ddl_text || ': ' || (SELECT string_agg(DISTINCT o->>'op' || ' ' || (o->>'identity'), '+') FROM jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), ', ' ORDER BY ddl_text) FROM t.new()),
  'ALTER TABLE host ADD COLUMN y int DEFAULT dropper(): alter public.host, DROP TABLE IF EXISTS inner_victim: drop public.inner_victim');
SELECT t.mark();
-- IF EXISTS with one of several there
CREATE TABLE there (x int); SELECT t.mark();
DROP TABLE IF EXISTS not_there, there;
SELECT t.is('only what was there', (SELECT string_agg(o->>'identity', ',') FROM t.new(), jsonb_array_elements(message->'objects') o WHERE o->>'type' = 'table'), 'public.there');
-- what is part of a dropped table goes without saying; what CASCADE has taken from others does not
CREATE TABLE parts (id serial PRIMARY KEY, x int DEFAULT 1 CHECK (x > 0) REFERENCES parts); CREATE INDEX ON parts (x); CREATE TRIGGER tr AFTER INSERT ON parts FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE RULE r AS ON UPDATE TO parts DO ALSO SELECT 1; CREATE POLICY po ON parts USING (true); CREATE TABLE refers (x int, CONSTRAINT fk FOREIGN KEY (x) REFERENCES parts); CREATE VIEW pv AS SELECT * FROM parts; SELECT t.mark();
DROP TABLE parts CASCADE; SELECT t.has('parts of a table', 'drop table public.parts (original)', 'drop table constraint fk on public.refers (dependent)', 'drop view public.pv (dependent)');
CREATE TABLE parent (x int PRIMARY KEY) PARTITION BY LIST (x); CREATE TABLE child PARTITION OF parent FOR VALUES IN (1); CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x; CREATE INDEX ON mv (x); SELECT t.mark();
DROP TABLE parent; SELECT t.has('partitions', 'drop table public.parent (original)', 'drop table public.child (dependent)');
DROP MATERIALIZED VIEW mv; SELECT t.is('written shortly', (SELECT message::jsonb->'objects' FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1), '[{"op": "drop", "type": "materialized view", "identity": "public.mv", "original": true}]'::jsonb), t.mark();
CREATE TABLE keyed (id int CONSTRAINT keyed_key UNIQUE); SELECT t.mark();
ALTER TABLE keyed DROP CONSTRAINT keyed_key; SELECT t.has('a part alone', 'alter table public.keyed', 'drop table constraint keyed_key on public.keyed (original)', 'drop index public.keyed_key (dependent)');
-- the one that was named, listed behind more than stay in the largest of rows
CREATE SCHEMA crowd; DO $$ BEGIN FOR i IN 1 .. 1100 LOOP EXECUTE format('CREATE TYPE crowd.e%s AS ENUM ()', i); END LOOP; END $$; SELECT t.mark();
DROP SCHEMA crowd CASCADE;
SELECT t.is('behind a crowd', (SELECT concat_ws(' ', object_type, object_name, message->'objects'->0->>'identity', jsonb_array_length(message->'objects')) FROM t.one('crowd')), 'schema crowd crowd 2201');
