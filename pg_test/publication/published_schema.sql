-- requires: 15
-- message.published with FOR TABLES IN SCHEMA.
CREATE FUNCTION t.pub(name text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(concat_ws(' ', p->>'table', p->>'publications'), '; ' ORDER BY p->>'table' COLLATE "C") FROM t.one(name), jsonb_array_elements(message->'published') p $$;
SET client_min_messages = error;
CREATE SCHEMA s; CREATE TABLE s.p (id int) PARTITION BY LIST (id); CREATE SCHEMA other; CREATE TABLE other.p (id int) PARTITION BY LIST (id);
CREATE PUBLICATION in_s FOR TABLES IN SCHEMA s; SELECT t.mark();
CREATE TABLE s.a (x int); SELECT t.is('schema', t.pub('schema'), 's.a ["in_s"]');
CREATE TABLE s.b AS SELECT 1 AS x; SELECT t.is('CREATE TABLE AS', t.pub('ctas'), 's.b ["in_s"]');
CREATE TABLE other.a (x int); SELECT t.is('other schema', t.pub('other'), NULL);
CREATE TABLE other.p1 PARTITION OF s.p FOR VALUES IN (1) PARTITION BY LIST (id); SELECT t.is('parent in the schema', t.pub('parent'), 'other.p1 ["in_s"]');
CREATE TABLE other.p11 PARTITION OF other.p1 DEFAULT; SELECT t.is('grandparent in the schema', t.pub('grandparent'), 'other.p11 ["in_s"]');
CREATE TABLE s.q1 PARTITION OF other.p DEFAULT; SELECT t.is('parent elsewhere', t.pub('elsewhere'), 's.q1 ["in_s"]');
CREATE PUBLICATION dts_sync_s FOR TABLES IN SCHEMA s; SELECT t.mark();
CREATE TABLE s.c (x int); SELECT t.is('a publication of the prefix that has the schema', t.pub('both'), 's.c ["in_s", "dts_sync_s"]');
CREATE TABLE other.c (x int); SELECT t.is('and a table elsewhere joins it', t.pub('joined'), 'other.c ["dts_sync_s"]');
