-- message.objects: every object the command touched, with op, type, identity, schema and name.
CREATE FUNCTION t.has(name text, VARIADIC want text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN t.is(name, (SELECT t.objects(message) FROM t.one(name)), ARRAY(SELECT x FROM unnest(want) x ORDER BY x COLLATE "C")); END $$;
SELECT t.mark();
CREATE TABLE a (id int); SELECT t.has('table', 'create table public.a');
SELECT t.is('schema and name are in the identity', (SELECT message::jsonb->'objects'->0 FROM public.dts_ddl_command ORDER BY id DESC LIMIT 1),
  '{"op": "create", "type": "table", "identity": "public.a"}'::jsonb);
CREATE TABLE b (id serial PRIMARY KEY); SELECT t.has('serial primary key', 'create table public.b', 'create sequence public.b_id_seq', 'create index public.b_pkey');
ALTER TABLE a ADD COLUMN x int; SELECT t.has('alter', 'alter table public.a');
CREATE SCHEMA s CREATE TABLE t1 (x int) CREATE VIEW v1 AS SELECT * FROM t1 CREATE INDEX i1 ON t1 (x) CREATE SEQUENCE q1;
SELECT t.has('schema with elements', 'create schema s', 'create table s.t1', 'create view s.v1', 'create index s.i1', 'create sequence s.q1');
CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); SELECT t.mark();
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); SELECT t.check('partition', (SELECT t.objects(message) @> ARRAY['create table public.p1'] FROM t.one('partition')));
ALTER TABLE a RENAME COLUMN x TO y; SELECT t.has('rename column', 'alter table column public.a.y');
ALTER TABLE a ALTER COLUMN y SET NOT NULL, ADD COLUMN z int UNIQUE; SELECT t.check('several subcommands', (SELECT t.objects(message) @> ARRAY['alter table public.a'] FROM t.one('subcommands')));
COMMENT ON TABLE a IS 'x'; SELECT t.has('comment', 'alter table public.a');
ALTER TABLE ONLY a OWNER TO CURRENT_USER; SELECT t.mark();
CREATE TYPE e AS ENUM ('x'); SELECT t.has('create type', 'create type public.e');
ALTER TYPE e ADD VALUE 'y'; SELECT t.has('alter type', 'alter type public.e');
CREATE OR REPLACE VIEW v AS SELECT 1 AS x; SELECT t.has('view', 'create view public.v');
ALTER VIEW v RENAME TO w; SELECT t.has('rename view', 'alter view public.w');
CREATE TABLE c AS SELECT 1 AS x; SELECT t.has('create table as', 'create table public.c');
SELECT 1 AS x INTO d; SELECT t.has('select into', 'create table public.d');
CREATE INDEX ON a (id); SELECT t.has('index', 'create index public.a_id_idx');
CREATE TABLE "Odd ""N""" ("C" int); SELECT t.is('names are plain, identities quoted', (SELECT message->'objects'->0 FROM t.one('odd')),
  '{"op": "create", "type": "table", "identity": "public.\"Odd \"\"N\"\"\"", "schema": "public", "name": "Odd \"N\""}'::jsonb);
CREATE FUNCTION f(a int, OUT b text) LANGUAGE sql AS $$ SELECT 'x' $$; SELECT t.has('function', 'create function public.f(integer)');
SELECT t.mark();
CREATE FOREIGN DATA WRAPPER fw; SELECT t.is('an object without a schema', (SELECT message->'objects'->0 FROM t.one('fdw')), '{"op": "create", "type": "foreign-data wrapper", "identity": "fw", "name": "fw"}'::jsonb);
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC; SELECT t.is('default privileges', (SELECT tag FROM t.one('default privileges')), 'ALTER DEFAULT PRIVILEGES');
