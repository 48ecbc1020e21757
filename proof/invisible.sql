-- DDL and queries of many kinds, for proof/invisible: what a client sees, what pg_stat_statements counts and auto_explain logs.
CREATE TABLE a (id serial PRIMARY KEY, t text DEFAULT 'x', UNIQUE (t, id));
INSERT INTO a (t) SELECT 'row ' || i FROM generate_series(1, 10) i;
CREATE TABLE b AS SELECT * FROM a WHERE id > 3;
SELECT id INTO c FROM a;
CREATE TABLE d AS EXECUTE nothing;
PREPARE p (int) AS SELECT * FROM a WHERE id = $1;
CREATE TABLE d AS EXECUTE p(2);
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) CREATE TABLE e AS SELECT id FROM a;
CREATE TEMP TABLE temporary AS SELECT * FROM a;
ALTER TABLE a ADD COLUMN n numeric DEFAULT random(), ADD CHECK (id > 0);
ALTER TABLE a ALTER COLUMN t TYPE varchar(20) USING upper(t);
CREATE INDEX CONCURRENTLY a_t ON a (t);
CREATE VIEW v AS SELECT id, t FROM a;
CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM a;
REFRESH MATERIALIZED VIEW m;
CREATE SCHEMA s CREATE TABLE s1 (x int) CREATE VIEW s2 AS SELECT x FROM s1;
CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CREATE TABLE by_g (x int);
  INSERT INTO by_g SELECT f(1);
  EXECUTE 'CREATE TABLE by_g2 AS SELECT * FROM by_g';
  DROP TABLE by_g;
END $$;
SELECT g();
DO $$ BEGIN FOR i IN 1..3 LOOP EXECUTE format('CREATE TABLE p%s (x int); DROP TABLE p%s', i, i); END LOOP; END $$;
CREATE TABLE part (x int) PARTITION BY RANGE (x);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (10);
ALTER TABLE part DETACH PARTITION part1;
CREATE TRIGGER tr AFTER INSERT ON b FOR EACH STATEMENT EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE FUNCTION et() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM object_identity FROM pg_event_trigger_ddl_commands();
END $$;
CREATE EVENT TRIGGER aa ON ddl_command_end EXECUTE FUNCTION et();
CREATE TABLE with_event_trigger (x int);
DROP EVENT TRIGGER aa;
CREATE EXTENSION hstore;
CREATE TABLE h (x hstore);
DROP EXTENSION hstore;
DROP EXTENSION hstore CASCADE;
COMMENT ON TABLE a IS 'a';
GRANT SELECT ON a TO PUBLIC;
CREATE TABLE a (x int);
CREATE TABLE IF NOT EXISTS a (x int);
DROP TABLE nothing;
BEGIN;
CREATE TABLE rolled_back (x int);
SAVEPOINT one;
ALTER TABLE rolled_back ADD COLUMN y int;
ROLLBACK TO one;
ROLLBACK;
CREATE TABLE one_string (x int)\; ALTER TABLE one_string ADD COLUMN y int\; INSERT INTO one_string VALUES (1, 2)\; DROP TABLE one_string;
DROP SCHEMA s CASCADE;
DROP TABLE a CASCADE;
SELECT lastval() > 0;
