-- Any depth, and texts that contain one another.
CREATE FUNCTION dig(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE d%s (x int)', n);
  IF n < 40 THEN PERFORM dig(n + 1); END IF;
  EXECUTE format('DROP TABLE d%s', n);
END $$;
SELECT t.mark();
SELECT dig(1);
SELECT t.is('80 rows in order', (SELECT array_agg(ddl_text ORDER BY n) FROM t.new()),
  (SELECT array_agg(format('CREATE TABLE d%s (x int)', i) ORDER BY i) FROM generate_series(1, 40) i) || (SELECT array_agg(format('DROP TABLE d%s', i) ORDER BY i DESC) FROM generate_series(1, 40) i));
SELECT t.sound('deep'), t.mark();
-- the same text at several levels at once
CREATE FUNCTION lvl(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE lv (x int); DROP TABLE lv; IF n > 0 THEN PERFORM lvl(n - 1); END IF; CREATE TABLE lv (x int); DROP TABLE lv; END $$;
SELECT t.mark();
SELECT lvl(2);
SELECT t.is('same text at three levels', (SELECT string_agg(ddl_text, ';' ORDER BY n) FROM t.new()), rtrim(repeat('CREATE TABLE lv (x int);DROP TABLE lv;', 6), ';'));
SELECT t.sound('levels'), t.mark();
-- an outer statement that runs inner DDL before it ends: a default that is computed, a query of CREATE TABLE AS, an index expression
CREATE FUNCTION mk(n text) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN EXECUTE format('CREATE TABLE IF NOT EXISTS %I (x int)', n); RETURN 1; END $$;
CREATE TABLE base (x int);
INSERT INTO base VALUES (1), (2);
SELECT t.mark();
ALTER TABLE base ADD COLUMN y int DEFAULT mk('from_default');
SELECT t.is('inner and outer of ALTER TABLE', (SELECT array_agg(ddl_text ORDER BY ddl_text COLLATE "C") FROM t.new()),
  ARRAY[$$ALTER TABLE base ADD COLUMN y int DEFAULT mk('from_default')$$, 'CREATE TABLE IF NOT EXISTS from_default (x int)']);
SELECT t.sound('inner and outer'), t.mark();
-- statements that look like part of another
CREATE TABLE x (a int)\; CREATE TABLE xx (a int)\; DROP TABLE x\; DROP TABLE xx\; CREATE TABLE x (a int);
SELECT t.texts('prefixes', 'CREATE TABLE x (a int)', 'CREATE TABLE xx (a int)', 'DROP TABLE x', 'DROP TABLE xx', 'CREATE TABLE x (a int)');
