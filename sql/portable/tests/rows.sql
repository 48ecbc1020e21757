-- requires: 9.5
-- Which commands have a row, and what the rows say of objects.
CREATE TEMP TABLE tt (x int); CREATE INDEX ON tt (x); CREATE TEMP VIEW tv AS SELECT * FROM tt; COMMENT ON TABLE tt IS 'x';
ALTER TABLE tt ADD y int; DROP VIEW tv; DROP TABLE tt; CREATE TABLE pg_temp.t2 AS SELECT 1 AS a; SELECT 1 AS a INTO TEMP t3;
CREATE TRIGGER x AFTER INSERT ON pg_temp.t2 EXECUTE PROCEDURE suppress_redundant_updates_trigger(); DROP TRIGGER x ON pg_temp.t2; DROP TABLE t2, t3;
SELECT t.none('temporary objects');
CREATE TABLE lasts (x int); CREATE TEMP TABLE tt (x int, "Y" int); SELECT t.mark();
GRANT SELECT ON tt TO PUBLIC; GRANT UPDATE (x, "Y") ON TABLE pg_temp.tt, tt TO PUBLIC; REVOKE ALL ON tt FROM PUBLIC;
SELECT t.none('GRANT on temporary tables');
GRANT SELECT ON lasts TO PUBLIC; SET search_path = public, pg_temp; GRANT INSERT ON lasts TO PUBLIC; RESET search_path; REVOKE ALL ON lasts FROM PUBLIC; CREATE TABLE liked (a int, LIKE tt); CREATE TABLE liked2 (LIKE lasts, CHECK (x::text LIKE 'tt'));
SELECT t.is('LIKE a temporary table', (SELECT string_agg(concat(message ->> 'flags', message ->> 'replay'), ' ' ORDER BY id) FROM t.new()), '   ["temporary source"]false ');
SELECT t.mark(); DROP TABLE tt, lasts, liked, liked2; SELECT t.mark();

CREATE TABLE base (id int PRIMARY KEY, n text);
SELECT t.mark();
CREATE TABLE IF NOT EXISTS base (x int); CREATE INDEX IF NOT EXISTS base_pkey ON base (n); CREATE SCHEMA IF NOT EXISTS public; DROP TABLE IF EXISTS missing;
DROP FUNCTION IF EXISTS missing(); ALTER TABLE IF EXISTS missing ADD x int; ALTER TABLE base DROP COLUMN IF EXISTS missing, DROP CONSTRAINT IF EXISTS missing;

\if :has96
ALTER TABLE base ADD COLUMN IF NOT EXISTS n text;
\endif
CREATE TABLE IF NOT EXISTS base AS SELECT 1; CREATE SEQUENCE IF NOT EXISTS base_pkey; CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE TYPE mood AS ENUM ('a');
SELECT t.rows('no-ops', 'CREATE TYPE mood AS ENUM (''a'')');
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'a';
SELECT t.none('ADD VALUE IF NOT EXISTS');
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'b';
\if :has96
\set if_not_exists 'IF NOT EXISTS'
\else
\set if_not_exists ''
\endif
BEGIN; SAVEPOINT x; ALTER TABLE base ADD COLUMN :if_not_exists m text, DROP COLUMN IF EXISTS missing; RELEASE x; ALTER TABLE base DROP COLUMN IF EXISTS m; COMMIT;
SELECT t.rows('IF [NOT] EXISTS that did something', 'ALTER TYPE mood ADD VALUE IF NOT EXISTS ''b''', 'ALTER TABLE base ADD COLUMN ' || :'if_not_exists' || ' m text, DROP COLUMN IF EXISTS missing', 'ALTER TABLE base DROP COLUMN IF EXISTS m');

CREATE EXTENSION hstore; CREATE TABLE h (x hstore); DROP EXTENSION hstore CASCADE;
SELECT t.is('extension: objects', (SELECT t.objects(message) FROM t.new() ORDER BY id LIMIT 1), 'create extension hstore');
SELECT t.rows('members of an extension have no row', 'CREATE EXTENSION hstore', 'CREATE TABLE h (x hstore)', 'DROP EXTENSION hstore CASCADE');
\if :has10
SELECT 1\; CREATE EXTENSION pg_stat_statements VERSION '1.4'\; ALTER EXTENSION pg_stat_statements UPDATE TO '1.5'\; DO $$ BEGIN EXECUTE 'ALTER EXTENSION pg_stat_statements UPDATE TO ''1.6'''; END $$;
SELECT t.rows('updates of an extension, whose scripts drop and make functions', 'CREATE EXTENSION pg_stat_statements VERSION ''1.4''', 'ALTER EXTENSION pg_stat_statements UPDATE TO ''1.5''',
  'ALTER EXTENSION pg_stat_statements UPDATE TO ''1.6''');
\endif

SET session_replication_role = replica; CREATE TABLE replica (x int); RESET session_replication_role;
SELECT t.none('session_replication_role = replica');
CREATE ROLE :"role1"; GRANT SELECT ON public.dts_ddl_command TO :"role1"; REVOKE ALL ON public.dts_ddl_command FROM :"role1"; DROP ROLE :"role1";
ALTER TABLE public.dts_ddl_command SET (fillfactor = 90); ALTER TABLE public.dts_ddl_command RESET (fillfactor); COMMENT ON SCHEMA dts_ddl_portable IS 'x';
SELECT t.none('objects of the portable edition itself');

-- drops
CREATE SCHEMA d; CREATE TABLE d.t1 (id serial PRIMARY KEY); CREATE TABLE d.t2 (id int REFERENCES d.t1); CREATE VIEW d.v AS SELECT * FROM d.t1; CREATE TEMP TABLE tmp (x int);
CREATE FUNCTION d.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER tr BEFORE INSERT ON d.t1 FOR EACH ROW EXECUTE PROCEDURE d.f();
SELECT t.mark();
DROP TRIGGER tr ON d.t1;
SELECT t.is('drop: main object', (SELECT concat_ws(' ', object_type, object_name, message -> 'objects' -> 0 ->> 'schema') FROM t.new()), 'trigger tr on d.t1 d');
SELECT t.mark();
ALTER TABLE d.t1 ADD c int, ADD CHECK (c > 0); SELECT t.mark(); ALTER TABLE d.t1 DROP COLUMN c;
SELECT t.is('drop of a column', (SELECT t.objects(message) FROM t.new()), 'alter table d.t1; drop table column d.t1.c; drop table constraint t1_c_check on d.t1 (dependent)');
SELECT t.mark();
DROP TABLE d.t2, tmp, d.t1 CASCADE;
SELECT t.is('drop: objects', (SELECT string_agg(o ->> 'identity', ' ' ORDER BY o ->> 'identity' COLLATE "C") FROM t.new(), jsonb_array_elements(message -> 'objects') o
  WHERE o ->> 'type' IN ('table', 'view', 'sequence', 'index')), 'd.t1 d.t1_id_seq d.t1_pkey d.t2 d.v');
SELECT t.is('drop: named or dependent', (SELECT string_agg(o ->> 'identity', ' ' ORDER BY o ->> 'identity') FROM t.new(), jsonb_array_elements(message -> 'objects') o WHERE (o ->> 'original')::boolean), 'd.t1 d.t2');
SELECT t.is('drop: without the temporary one', (SELECT concat(message ->> 'temporary_removed', message -> 'original' ->> 'text', object_name) FROM t.new()), '["pg_temp.tmp"]DROP TABLE d.t2, tmp, d.t1 CASCADEd.t2');
SELECT t.is('drop: statement', (SELECT (ddl_text ~ '^DROP TABLE (d.t1, d.t2|d.t2, d.t1) CASCADE$')::text FROM t.new()), 'true');
SELECT t.mark();
DROP SCHEMA d CASCADE;
SELECT t.is('drop of a schema', (SELECT concat_ws(' ', object_type, object_name, t.objects(message)) FROM t.new()), 'schema d drop function d.f() (dependent); drop schema d');
SELECT t.mark();

-- another event trigger runs DDL in the middle
CREATE TABLE inner_1 (x int); CREATE TABLE outer_1 (x int); CREATE TABLE seen (x text);
CREATE FUNCTION on_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_event_trigger_dropped_objects() WHERE object_name = 'outer_1') THEN DROP TABLE IF EXISTS missing; DROP TABLE inner_1; CREATE TABLE inner_2 (x int); END IF; END $$;
CREATE EVENT TRIGGER zz ON sql_drop EXECUTE PROCEDURE on_drop();
SELECT t.mark();
DROP TABLE outer_1;
SELECT t.is('each has its own objects', (SELECT string_agg(object_name, ' ' ORDER BY id) FROM t.new()), 'public.inner_1 public.inner_2 public.outer_1');
SELECT t.rows('DDL of another event trigger', 'DROP TABLE inner_1', 'CREATE TABLE inner_2 (x int)', 'DROP TABLE outer_1');
DROP EVENT TRIGGER zz; DROP FUNCTION on_drop(); SELECT t.mark();
CREATE DOMAIN dom AS int CONSTRAINT positive CHECK (VALUE > 0); ALTER DOMAIN dom RENAME CONSTRAINT positive TO above_zero; DROP DOMAIN dom;
SELECT t.rows('constraint of a domain', 'CREATE DOMAIN dom AS int CONSTRAINT positive CHECK (VALUE > 0)', 'ALTER DOMAIN dom RENAME CONSTRAINT positive TO above_zero', 'DROP DOMAIN dom');

\if :has10
-- new tables
CREATE PUBLICATION dts_sync_a; CREATE PUBLICATION other; CREATE PUBLICATION dts_sync_all FOR ALL TABLES; CREATE SCHEMA "S p";
SELECT t.mark();
CREATE TABLE "S p"."T t" (id serial PRIMARY KEY);
SELECT t.is('replica identity', (SELECT relreplident::text FROM pg_class WHERE oid = '"S p"."T t"'::regclass), 'f');
SELECT t.is('joined', (SELECT string_agg(p.pubname, ',' ORDER BY p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE prrelid = '"S p"."T t"'::regclass), 'dts_sync_a');
SELECT t.is('told', (SELECT concat(message ->> 'replica_identity', message ->> 'publications', message ->> 'published', message ->> 'all_publications', message ->> 'flags') FROM t.new()),
  '["\"S p\".\"T t\""][{"table": "\"S p\".\"T t\"", "publication": "dts_sync_a"}][{"table": "\"S p\".\"T t\"", "publications": ["dts_sync_a", "dts_sync_all"]}]["dts_sync_a", "dts_sync_all", "other"]');
SELECT t.rows('own commands have no row', 'CREATE TABLE "S p"."T t" (id serial PRIMARY KEY)');
CREATE UNLOGGED TABLE u (x int);
SELECT t.is('unlogged tables stay out', (SELECT concat(message ->> 'replica_identity', message ->> 'publications', message ->> 'flags') FROM t.new()), '');
SELECT t.mark();
CREATE TABLE p (id int, d date) PARTITION BY RANGE (d); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
SELECT t.is('partitions: joined', (SELECT string_agg(r.prrelid::regclass::text, ',' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r WHERE prrelid IN ('p'::regclass, 'p1'::regclass)), CASE WHEN :major >= 13 THEN 'p,p1' ELSE 'p1' END);
SELECT t.is('partitions: identity', (SELECT string_agg(relreplident::text, '') FROM pg_class WHERE oid IN ('p'::regclass, 'p1'::regclass)), 'ff');
SELECT t.is('partitions: no complaint', (SELECT string_agg(message ->> 'flags', '') FROM t.new()), NULL);
SELECT t.mark();

\endif
-- CREATE TABLE AS and SELECT INTO
CREATE COLLATION german FROM "C"; CREATE DOMAIN posint AS int CHECK (VALUE > 0);
SELECT t.mark();
CREATE TABLE made WITH (fillfactor = 70) AS SELECT 1::posint AS "A a", 'x'::varchar(3) COLLATE german AS b, ARRAY[1.5]::numeric(5, 1)[] AS c;
SELECT 1 AS x INTO made2;
CREATE TABLE made3 AS SELECT 1 AS x WITH NO DATA;
DO $$ DECLARE v int := 5; BEGIN CREATE TABLE made4 AS SELECT v AS x; END $$;
\if :has10
SELECT t.is('flags', (SELECT string_agg(concat(message ->> 'flags', message -> 'original' ->> 'tag', message ->> 'undecoded_rows', (message ->> 'publications') IS NOT NULL, tag), E'\n' ORDER BY id) FROM t.new()),
  E'["rows before structure"]CREATE TABLE AS["public.made"]tCREATE TABLE\n["rows before structure"]SELECT INTO["public.made2"]tCREATE TABLE\nCREATE TABLE AStCREATE TABLE\n["rows before structure"]CREATE TABLE AS["public.made4"]tCREATE TABLE');
\endif
SELECT t.is('original', (SELECT message -> 'original' ->> 'text' FROM t.new() ORDER BY id OFFSET 1 LIMIT 1), 'SELECT 1 AS x INTO made2');
SELECT t.rows('as plain CREATE TABLE', 'CREATE TABLE public.made ("A a" public.posint, b character varying(3) COLLATE public.german, c numeric(5,1)[]) WITH (fillfactor = ''70'')',
  'CREATE TABLE public.made2 (x integer)', 'CREATE TABLE public.made3 (x integer)', 'CREATE TABLE public.made4 (x integer)');
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x; REFRESH MATERIALIZED VIEW mv; DROP MATERIALIZED VIEW mv;
SELECT t.rows('materialized views', 'CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x', 'REFRESH MATERIALIZED VIEW mv', 'DROP MATERIALIZED VIEW mv');

\if :has10
ALTER PUBLICATION other ADD TABLE base; CREATE PUBLICATION p2; DROP PUBLICATION p2;
SELECT t.is('publications are not for replay', (SELECT string_agg(message ->> 'replay_reason', ',') FROM t.new()), repeat('publications belong to the server that publishes,', 2) || 'publications belong to the server that publishes');
\endif
SELECT t.mark();
CREATE INDEX CONCURRENTLY base_n ON base (n);
SELECT t.rows('concurrently', 'CREATE INDEX CONCURRENTLY base_n ON base (n)');
\if :has96
-- up to 12 the column is passed over, but a sequence for it is made
CREATE TABLE numbered (x int); ALTER TABLE numbered ADD COLUMN IF NOT EXISTS n serial; SELECT t.mark();
ALTER TABLE numbered ADD COLUMN IF NOT EXISTS n serial;
SELECT t.is('a row for a second sequence', (SELECT count(*)::text FROM t.new()), (SELECT count(*)::text FROM pg_class WHERE relname = 'numbered_n_seq1'));
DROP TABLE numbered; DROP SEQUENCE IF EXISTS numbered_n_seq1; SELECT t.mark();
\endif
\if :has17
-- REINDEX goes through where nothing can be written
BEGIN READ ONLY; REINDEX TABLE base; COMMIT;
SET default_transaction_read_only = on; REINDEX TABLE CONCURRENTLY base; RESET default_transaction_read_only;
SELECT t.none('REINDEX in a READ ONLY transaction');
REINDEX TABLE base; SELECT t.rows('REINDEX', 'REINDEX TABLE base');
\endif
SELECT t.is('no gaps', dts_ddl_portable.gaps()::text, '0');
