-- A user without any right on the publication, and one who does not own the table's schema.
CREATE ROLE no_right_app LOGIN; CREATE SCHEMA app AUTHORIZATION no_right_app;
CREATE PUBLICATION dts_sync_x;
CREATE PUBLICATION dts_sync_limited WITH (publish = 'insert');
SELECT t.mark();
\c - no_right_app
CREATE TABLE app.a (id int); CREATE TABLE app.b AS SELECT 1 AS x; CREATE TABLE app.c (id int) PARTITION BY LIST (id); CREATE TABLE app.c1 PARTITION OF app.c DEFAULT;
SELECT t.is('published', (SELECT string_agg(DISTINCT pubname || ' ' || tablename, ', ') FROM pg_publication_tables), 
  'dts_sync_limited a, dts_sync_limited b, dts_sync_limited c1, dts_sync_x a, dts_sync_x b, dts_sync_x c1');
SELECT t.is('no rows but those', (SELECT string_agg(tag || ' ' || username, ',' ORDER BY n) FROM t.new()), 'CREATE TABLE no_right_app,CREATE TABLE no_right_app,CREATE TABLE no_right_app,CREATE TABLE no_right_app');
SELECT t.is('the role is itself again afterwards', current_user::text, 'no_right_app');
-- the table stays the user's, with the user's rights only
SELECT t.is('owner', (SELECT string_agg(DISTINCT relowner::regrole::text, ',') FROM pg_class WHERE relnamespace = 'app'::regnamespace), 'no_right_app');
SELECT t.fails('still no right on the publication', 'ALTER PUBLICATION dts_sync_x DROP TABLE app.a', '42501');
