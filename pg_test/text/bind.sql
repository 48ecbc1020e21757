-- requires: 16
-- The extended protocol from psql.
CREATE TABLE a (x int) \bind \g
SELECT t.texts('unnamed statement', 'CREATE TABLE a (x int)');
/* lead */ CREATE TABLE b (x int) /* trail */ \bind \g
SELECT t.texts('comments', 'CREATE TABLE b (x int)');
CREATE TABLE c AS SELECT $1::int AS n, $2::text AS s \bind 5 six \g
SELECT t.texts('CREATE TABLE AS with parameters', 'CREATE TABLE public.c (n integer, s text)');
SELECT t.is('values arrived', (SELECT n || s FROM c), '5six');
SELECT i INTO d FROM generate_series(1, $1::int) i \bind 3 \g
SELECT t.texts('SELECT INTO with parameters', 'CREATE TABLE public.d (i integer)');
