-- requires: 15
-- message.published and undecoded_rows of tables that move into a published schema: SET SCHEMA.
CREATE FUNCTION t.told(name text) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', (SELECT string_agg(concat_ws(' ', p->>'table', p->>'publications'), '; ') FROM jsonb_array_elements(message->'published') p), 'undecoded', message->'undecoded_rows') FROM t.one(name) $$;
SET client_min_messages = error;
SET dts_ddl_capture.publication_prefix = '';
CREATE SCHEMA s; CREATE SCHEMA s2; CREATE SCHEMA plain;
CREATE TABLE a (x int); INSERT INTO a VALUES (1); CREATE TABLE b (x int); CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1); CREATE VIEW v AS SELECT 1 AS x; CREATE UNLOGGED TABLE u (x int);
CREATE PUBLICATION in_s FOR TABLES IN SCHEMA s; CREATE PUBLICATION in_both FOR TABLES IN SCHEMA s, s2; SELECT t.mark();
ALTER TABLE a SET SCHEMA plain; SELECT t.is('into a schema of no publication', t.told('plain'), 'undecoded');
ALTER TABLE plain.a SET SCHEMA s2; SELECT t.is('into a published one', t.told('s2'), 's2.a ["in_both"] undecoded ["s2.a"]');
ALTER TABLE s2.a SET SCHEMA s; SELECT t.is('new to one of the two', t.told('s'), 's.a ["in_s"] undecoded ["s.a"]');
ALTER TABLE s.a SET SCHEMA s2; SELECT t.is('new to none', t.told('s2 again'), 'undecoded');
ALTER TABLE s2.a SET SCHEMA s2; SELECT t.is('where it is', (SELECT count(*) FROM t.new() WHERE message ?| '{published,undecoded_rows}'), 0); SELECT t.mark();
ALTER TABLE b SET SCHEMA s; SELECT t.is('without rows', t.told('b'), 's.b ["in_s", "in_both"] undecoded');
ALTER TABLE p SET SCHEMA s; SELECT t.is('a partitioned table, whose partition stays', t.told('p'), 's.p ["in_s", "in_both"]; public.p1 ["in_s", "in_both"] undecoded ["public.p1"]');
ALTER TABLE p1 SET SCHEMA s; SELECT t.is('the partition goes after it', t.told('p1'), 'undecoded');
ALTER VIEW v SET SCHEMA s; SELECT t.is('view', t.told('v'), 'undecoded');
ALTER TABLE u SET SCHEMA s; SELECT t.is('unlogged', t.told('u'), 'undecoded');
ALTER TABLE s.u SET LOGGED; SELECT t.is('and then logged', t.told('logged'), 's.u ["in_s", "in_both"] undecoded');
