-- requires: 17
-- REINDEX always stands alone: whether its target is partitioned, only the catalogs know.
CREATE FUNCTION t.script() RETURNS text LANGUAGE sql AS $$
  SELECT replace(string_agg(s, E'\n'), current_user, 'ME') FROM (
    SELECT s, row_number() OVER () AS n, count(*) OVER () AS last FROM dts_ddl.script((SELECT mark FROM t.state)) s) x
  WHERE n > 1 AND n < last
$$;
CREATE FUNCTION t.alone(name text, want boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE script text := t.script();
BEGIN
  PERFORM t.check(name, script IS NOT NULL AND (script NOT LIKE E'%\nBEGIN;\n%') = want AND (script NOT LIKE '%SET LOCAL%') = want AND (script LIKE '%SET ROLE NONE;%') = want, script);
  PERFORM t.mark();
  RETURN 'ok ' || name;
END $$;
CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE p (x int) PARTITION BY LIST (x); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE INDEX ON p (x);
SELECT t.mark();
REINDEX TABLE a; SELECT t.alone('REINDEX', true);
REINDEX TABLE CONCURRENTLY a; SELECT t.alone('REINDEX CONCURRENTLY', true);
REINDEX (CONCURRENTLY off, VERBOSE) INDEX a_pkey; SELECT t.alone('with options', true);
CREATE INDEX i1 ON a (x); SELECT t.mark();
REINDEX TABLE CONCURRENTLY a; SELECT t.alone('an index whose name ends in a digit', true);
REINDEX TABLE p; SELECT t.alone('a partitioned table', true);
CREATE SCHEMA s; CREATE TABLE s.a (x int PRIMARY KEY); SELECT t.mark();
REINDEX SCHEMA s; SELECT t.alone('REINDEX SCHEMA', true);
