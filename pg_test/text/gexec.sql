-- psql's \gexec, and whatever else psql can send.
SELECT format('CREATE TABLE g%s (x int)', i) FROM generate_series(1, 3) i \gexec
SELECT t.texts('gexec', 'CREATE TABLE g1 (x int)', 'CREATE TABLE g2 (x int)', 'CREATE TABLE g3 (x int)');
SELECT 'CREATE TABLE h (x int); ALTER TABLE h ADD y int;', 'DROP TABLE h' \gexec
SELECT t.texts('several in one cell', 'CREATE TABLE h (x int)', 'ALTER TABLE h ADD y int', 'DROP TABLE h');
CREATE TABLE i (x int) \g
SELECT t.texts('\g', 'CREATE TABLE i (x int)');
SELECT 'CREATE TABLE from_gset (x int)' AS stmt \gset
:stmt;
SELECT t.texts('a variable', 'CREATE TABLE from_gset (x int)');
\set FETCH_COUNT 1
CREATE TABLE j (x int);
SELECT t.texts('FETCH_COUNT', 'CREATE TABLE j (x int)');
\unset FETCH_COUNT
\set AUTOCOMMIT off
CREATE TABLE k (x int);
CREATE TABLE l (x int);
COMMIT;
\set AUTOCOMMIT on
SELECT t.texts('AUTOCOMMIT off', 'CREATE TABLE k (x int)', 'CREATE TABLE l (x int)');
\set SINGLELINE on
CREATE TABLE m (x int)
\set SINGLELINE off
SELECT t.texts('SINGLELINE', 'CREATE TABLE m (x int)');
