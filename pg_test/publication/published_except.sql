-- requires: 19
-- message.published with FOR ALL TABLES EXCEPT: what is left out is so with its partitions.
CREATE FUNCTION t.pub(name text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(concat_ws(' ', p->>'table', p->>'publications'), '; ' ORDER BY p->>'table' COLLATE "C") FROM t.one(name), jsonb_array_elements(message->'published') p $$;
SET client_min_messages = error;
CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE q (id int) PARTITION BY LIST (id);
CREATE PUBLICATION most FOR ALL TABLES EXCEPT (TABLE p); SELECT t.mark();
CREATE TABLE a (x int); SELECT t.is('not named', t.pub('a'), 'public.a ["most"]');
CREATE TABLE p1 PARTITION OF p DEFAULT PARTITION BY LIST (id); SELECT t.is('partition of one left out', t.pub('p1'), NULL);
CREATE TABLE p11 PARTITION OF p1 DEFAULT; SELECT t.is('deeper', t.pub('p11'), NULL);
CREATE TABLE q1 PARTITION OF q DEFAULT; SELECT t.is('partition of another', t.pub('q1'), 'public.q1 ["most"]');
