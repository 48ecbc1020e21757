-- dts_ddl_capture.qualify_names: each statement under a search_path of two schemas, what is stored of it, and the same statements once
-- more from what was stored, without any search_path.
CREATE SCHEMA a; CREATE SCHEMA b;
CREATE ROLE qualify_one;
CREATE TABLE t.sent (n serial, text text);
CREATE FUNCTION t.q(sent text, want text DEFAULT NULL, reason text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $fn$
DECLARE got text; message jsonb;
BEGIN
  PERFORM t.mark();
  EXECUTE sent;
  SELECT n.ddl_text, n.message INTO got, message FROM t.new() AS n;
  want := coalesce(want, sent);
  PERFORM t.is(sent, got, want);
  PERFORM t.is('sent: ' || sent, message->'original'->>'text', CASE WHEN want <> sent THEN sent END);
  PERFORM t.is('unqualified: ' || sent, message->>'unqualified', reason);
  INSERT INTO t.sent (text) VALUES (got);
  RETURN 'ok';
END $fn$;
SET dts_ddl_capture.qualify_names = on; SET search_path = a, b;
-- Tables
SELECT t.q('CREATE TABLE one (id int PRIMARY KEY, "Two" text)', 'CREATE TABLE a.one (id int PRIMARY KEY, "Two" text)');
SELECT t.q('CREATE TABLE b.far (id serial, one int)');
SELECT t.q('CREATE TYPE mood AS ENUM (''sad'', ''ok'')', 'CREATE TYPE a.mood AS ENUM (''sad'', ''ok'')');
SELECT t.q('CREATE TYPE b.pair AS (x int, y mood)', 'CREATE TYPE b.pair AS (x int, y a.mood)');
SELECT t.q('CREATE TABLE typed (m mood DEFAULT ''sad''::mood, ms mood[], p pair, d numeric(3)[], c "char", "M" text COLLATE "C")',
  'CREATE TABLE a.typed (m a.mood DEFAULT ''sad''::a.mood, ms a.mood[], p b.pair, d numeric(3)[], c "char", "M" text COLLATE "C")');
SELECT t.q('CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self, one int REFERENCES one (id), CHECK (id > 0))',
  'CREATE TABLE a.self (id int PRIMARY KEY, up int REFERENCES a.self, one int REFERENCES a.one (id), CHECK (id > 0))');
SELECT t.q('CREATE TABLE liked (LIKE typed, x int) INHERITS (far)', 'CREATE TABLE a.liked (LIKE a.typed, x int) INHERITS (b.far)');
SELECT t.q('CREATE TABLE p (x int, y text) PARTITION BY RANGE (x int4_ops, y COLLATE "C" text_ops)',
  'CREATE TABLE a.p (x int, y text) PARTITION BY RANGE (x int4_ops, y COLLATE "C" text_ops)');
SELECT t.q('CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1, ''a'') TO (2, ''b'')', 'CREATE TABLE a.p1 PARTITION OF a.p FOR VALUES FROM (1, ''a'') TO (2, ''b'')');
SELECT t.q('CREATE TABLE p2 (x int, y text)', 'CREATE TABLE a.p2 (x int, y text)');
SELECT t.q('ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (2, ''b'') TO (3, ''b'')', 'ALTER TABLE a.p ATTACH PARTITION a.p2 FOR VALUES FROM (2, ''b'') TO (3, ''b'')');
SELECT t.q('ALTER TABLE p DETACH PARTITION p2', 'ALTER TABLE a.p DETACH PARTITION a.p2');
SELECT t.q('CREATE TABLE of_type OF pair (x NOT NULL)', 'CREATE TABLE a.of_type OF b.pair (x NOT NULL)');
SELECT t.q('CREATE SEQUENCE numbers OWNED BY one.id', 'CREATE SEQUENCE a.numbers OWNED BY a.one.id');
SELECT t.q('ALTER SEQUENCE numbers OWNED BY NONE', 'ALTER SEQUENCE a.numbers OWNED BY NONE');
SELECT t.q('ALTER TABLE one ALTER id SET DEFAULT nextval(''numbers'')', 'ALTER TABLE a.one ALTER id SET DEFAULT nextval(''a.numbers'')');
SELECT t.q('ALTER TABLE far ALTER one SET DEFAULT nextval(''numbers''::regclass), ADD k regclass DEFAULT ''one''::regclass',
  'ALTER TABLE b.far ALTER one SET DEFAULT nextval(''a.numbers''::regclass), ADD k regclass DEFAULT ''a.one''::regclass');
SELECT t.q('ALTER TABLE ONLY one ADD CONSTRAINT one FOREIGN KEY (id) REFERENCES self, ADD m mood, ALTER "Two" TYPE varchar(9) USING "Two"::varchar',
  'ALTER TABLE ONLY a.one ADD CONSTRAINT one FOREIGN KEY (id) REFERENCES a.self, ADD m a.mood, ALTER "Two" TYPE varchar(9) USING "Two"::varchar');
SELECT t.q('ALTER TABLE IF EXISTS far RENAME one TO two', 'ALTER TABLE IF EXISTS b.far RENAME one TO two');
SELECT t.q('ALTER TABLE far RENAME TO afar', 'ALTER TABLE b.far RENAME TO afar');
SELECT t.q('ALTER TABLE afar SET SCHEMA a', 'ALTER TABLE b.afar SET SCHEMA a');
SELECT t.q('ALTER TABLE afar RENAME TO far', 'ALTER TABLE a.afar RENAME TO far');
-- Strange names
SELECT t.q('CREATE TABLE "Odd "" one" ("x.y" int, "select" text)', 'CREATE TABLE a."Odd "" one" ("x.y" int, "select" text)');
SELECT t.q('CREATE TABLE ONE1(x int)', 'CREATE TABLE a.ONE1(x int)');
SELECT t.q('CREATE TABLE U&"!00e4" UESCAPE ''!'' (U&"x" int)', 'CREATE TABLE a.U&"!00e4" UESCAPE ''!'' (U&"x" int)');
SELECT t.q('COMMENT ON TABLE"Odd "" one"IS ''x''', 'COMMENT ON TABLE a."Odd "" one"IS ''x''');
SELECT t.q('DROP TABLE IF EXISTS nothing, "Odd "" one", one1 /* , */, U&"\00e4"', 'DROP TABLE IF EXISTS a.nothing, a."Odd "" one", a.one1 /* , */, a.U&"\00e4"');
SELECT t.q('CREATE TABLE type (type int)', 'CREATE TABLE a.type (type int)');
SELECT t.q('COMMENT ON COLUMN type.type IS ''type''', 'COMMENT ON COLUMN a.type.type IS ''type''');
SELECT t.q('ALTER TABLE type ADD CONSTRAINT type CHECK (type > 0)', 'ALTER TABLE a.type ADD CONSTRAINT type CHECK (type > 0)');
SELECT t.q('COMMENT ON CONSTRAINT type ON type IS ''type''', 'COMMENT ON CONSTRAINT type ON a.type IS ''type''');
SELECT t.q('DROP TABLE type', 'DROP TABLE a.type');
-- Functions
SELECT t.q('CREATE FUNCTION twice(x int, y int DEFAULT 2) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT x * y''',
  'CREATE FUNCTION a.twice(x int, y int DEFAULT 2) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT x * y''');
SELECT t.q('CREATE FUNCTION b.many(VARIADIC m mood[]) RETURNS SETOF one LANGUAGE sql AS ''SELECT * FROM one''',
  'CREATE FUNCTION b.many(VARIADIC m a.mood[]) RETURNS SETOF a.one LANGUAGE sql AS ''SELECT * FROM one''');
SELECT t.q('CREATE FUNCTION of_column(x one."Two"%TYPE, OUT y pair, z mood DEFAULT ''ok''::mood) LANGUAGE sql AS ''SELECT NULL::pair''',
  'CREATE FUNCTION a.of_column(x a.one."Two"%TYPE, OUT y b.pair, z a.mood DEFAULT ''ok''::a.mood) LANGUAGE sql AS ''SELECT NULL::pair''');
SELECT t.q('CREATE FUNCTION f(f int) RETURNS TABLE (g pair) LANGUAGE sql AS ''SELECT NULL::pair''',
  'CREATE FUNCTION a.f(f int) RETURNS TABLE (g b.pair) LANGUAGE sql AS ''SELECT NULL::pair''');
SELECT t.q('CREATE PROCEDURE do_it(m mood) LANGUAGE sql AS ''''', 'CREATE PROCEDURE a.do_it(m a.mood) LANGUAGE sql AS ''''');
SELECT t.q('CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN new; END''',
  'CREATE FUNCTION a.touch() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN new; END''');
SELECT t.q('CREATE FUNCTION lower(pair) RETURNS text IMMUTABLE LANGUAGE sql AS ''SELECT $1::text''',
  'CREATE FUNCTION a.lower(b.pair) RETURNS text IMMUTABLE LANGUAGE sql AS ''SELECT $1::text''');
SELECT t.q('ALTER FUNCTION twice(int, int) COST 3', 'ALTER FUNCTION a.twice(int, int) COST 3');
SELECT t.q('ALTER FUNCTION many STABLE', 'ALTER FUNCTION b.many STABLE');
SELECT t.q('GRANT EXECUTE ON FUNCTION many(mood[]), twice TO qualify_one', 'GRANT EXECUTE ON FUNCTION b.many(a.mood[]), a.twice TO qualify_one');
SELECT t.q('COMMENT ON FUNCTION lower(pair) IS ''x''', 'COMMENT ON FUNCTION a.lower(b.pair) IS ''x''');
-- Queries
SELECT t.q('CREATE VIEW v AS SELECT one.id, o."Two", twice(o.id) AS x, twice(o.id, 3) AS y FROM one, one AS o JOIN self USING (id) WHERE o.id IN (SELECT one.id FROM one) AND (o."Two")::mood = ''ok''::mood',
  'CREATE VIEW a.v AS SELECT one.id, o."Two", a.twice(o.id) AS x, a.twice(o.id, 3) AS y FROM a.one, a.one AS o JOIN a.self USING (id) WHERE o.id IN (SELECT one.id FROM a.one) AND (o."Two")::a.mood = ''ok''::a.mood');
SELECT t.q('CREATE VIEW cte AS WITH one AS (SELECT * FROM self), two AS (SELECT id AS id2 FROM one) SELECT one.id, two.id2, m.id AS id3, CAST(NULL AS pair) AS p FROM one, two, many(''sad'', ''ok'') AS m WHERE EXISTS (SELECT FROM two, far)',
  'CREATE VIEW a.cte AS WITH one AS (SELECT * FROM a.self), two AS (SELECT id AS id2 FROM one) SELECT one.id, two.id2, m.id AS id3, CAST(NULL AS b.pair) AS p FROM one, two, b.many(''sad'', ''ok'') AS m WHERE EXISTS (SELECT FROM two, a.far)');
SELECT t.q('CREATE VIEW inside AS SELECT * FROM (WITH self AS (SELECT 1 AS x) SELECT x FROM self) AS s, self',
  'CREATE VIEW a.inside AS SELECT * FROM (WITH self AS (SELECT 1 AS x) SELECT x FROM self) AS s, a.self');
SELECT t.q('CREATE VIEW casts AS SELECT mood ''ok'' AS m, ROW(1, ''ok'')::pair AS p, ''mood''::regtype AS t, ''pg_class''::regclass AS c, pg_relation_size(''one'') AS s, ARRAY[]::mood[] AS ms',
  'CREATE VIEW a.casts AS SELECT a.mood ''ok'' AS m, ROW(1, ''ok'')::b.pair AS p, ''a.mood''::regtype AS t, ''pg_class''::regclass AS c, pg_relation_size(''a.one'') AS s, ARRAY[]::a.mood[] AS ms');
SELECT t.q('CREATE MATERIALIZED VIEW mv AS SELECT id FROM one WITH NO DATA', 'CREATE MATERIALIZED VIEW a.mv AS SELECT id FROM a.one WITH NO DATA');
SELECT t.q('REFRESH MATERIALIZED VIEW mv', 'REFRESH MATERIALIZED VIEW a.mv');
SELECT t.q('CREATE VIEW own_lower AS SELECT lower(ROW(1, ''ok'')::pair) AS l', 'CREATE VIEW a.own_lower AS SELECT a.lower(ROW(1, ''ok'')::b.pair) AS l');
SELECT t.q('CREATE VIEW lower_of_all AS SELECT lower("Two") AS l FROM one', 'CREATE VIEW a.lower_of_all AS SELECT lower("Two") AS l FROM a.one');
-- What belongs to tables
SELECT t.q('CREATE INDEX far_i ON far USING btree (lower(''x''), twice(id), (id::text) COLLATE "C" text_pattern_ops) WHERE twice(id) > 1',
  'CREATE INDEX far_i ON a.far USING btree (lower(''x''), a.twice(id), (id::text) COLLATE "C" text_pattern_ops) WHERE a.twice(id) > 1');
SELECT t.q('CREATE TRIGGER one BEFORE INSERT ON one FOR EACH ROW WHEN (twice(new.id) > 1) EXECUTE FUNCTION touch()',
  'CREATE TRIGGER one BEFORE INSERT ON a.one FOR EACH ROW WHEN (a.twice(new.id) > 1) EXECUTE FUNCTION a.touch()');
SELECT t.q('COMMENT ON TRIGGER one ON one IS ''one''', 'COMMENT ON TRIGGER one ON a.one IS ''one''');
SELECT t.q('CREATE RULE one AS ON UPDATE TO one DO ALSO (INSERT INTO far (id) SELECT twice(id) FROM self WHERE new.id > 1; NOTIFY one)',
  'CREATE RULE one AS ON UPDATE TO a.one DO ALSO (INSERT INTO a.far (id) SELECT a.twice(id) FROM a.self WHERE new.id > 1; NOTIFY one)');
SELECT t.q('CREATE POLICY one ON one USING (id IN (SELECT id FROM far) AND twice(id) > 1)', 'CREATE POLICY one ON a.one USING (id IN (SELECT id FROM a.far) AND a.twice(id) > 1)');
SELECT t.q('ALTER POLICY one ON one USING (twice(id) > 2)', 'ALTER POLICY one ON a.one USING (a.twice(id) > 2)');
SELECT t.q('DROP POLICY one ON one', 'DROP POLICY one ON a.one');
SELECT t.q('CREATE STATISTICS stat ON id, k FROM far', 'CREATE STATISTICS a.stat ON id, k FROM a.far');
SELECT t.q('ALTER STATISTICS stat SET STATISTICS 9', 'ALTER STATISTICS a.stat SET STATISTICS 9');
SELECT t.q('GRANT SELECT (id), UPDATE ON far, one, v TO qualify_one', 'GRANT SELECT (id), UPDATE ON a.far, a.one, a.v TO qualify_one');
-- Types and others
SELECT t.q('CREATE DOMAIN positive AS int CHECK (twice(value) > 0)', 'CREATE DOMAIN a.positive AS int CHECK (a.twice(value) > 0)');
SELECT t.q('ALTER DOMAIN positive ADD CONSTRAINT positive CHECK (value > 1)', 'ALTER DOMAIN a.positive ADD CONSTRAINT positive CHECK (value > 1)');
SELECT t.q('COMMENT ON CONSTRAINT positive ON DOMAIN positive IS ''x''', 'COMMENT ON CONSTRAINT positive ON DOMAIN a.positive IS ''x''');
SELECT t.q('ALTER TYPE mood ADD VALUE ''glad''', 'ALTER TYPE a.mood ADD VALUE ''glad''');
SELECT t.q('ALTER TYPE pair ADD ATTRIBUTE z mood[] CASCADE', 'ALTER TYPE b.pair ADD ATTRIBUTE z a.mood[] CASCADE');
SELECT t.q('CREATE TYPE span AS RANGE (subtype = positive, subtype_opclass = int4_ops)', 'CREATE TYPE a.span AS RANGE (subtype = a.positive, subtype_opclass = int4_ops)');
SELECT t.q('COMMENT ON TYPE span IS ''x''', 'COMMENT ON TYPE a.span IS ''x''');
SELECT t.q('GRANT USAGE ON TYPE mood, span TO qualify_one', 'GRANT USAGE ON TYPE a.mood, a.span TO qualify_one');
SELECT t.q('CREATE COLLATION mine (locale = ''C'')', 'CREATE COLLATION a.mine (locale = ''C'')');
SELECT t.q('CREATE COLLATION yours FROM mine', 'CREATE COLLATION a.yours FROM a.mine');
SELECT t.q('CREATE TABLE collated (x text COLLATE mine, CHECK (x COLLATE yours > ''a''))', 'CREATE TABLE a.collated (x text COLLATE a.mine, CHECK (x COLLATE a.yours > ''a''))');
SELECT t.q('CREATE FUNCTION add(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT $1 + $2''', 'CREATE FUNCTION a.add(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT $1 + $2''');
SELECT t.q('CREATE AGGREGATE total(int) (sfunc = add, stype = int, initcond = ''0'')', 'CREATE AGGREGATE a.total(int) (sfunc = a.add, stype = int, initcond = ''0'')');
SELECT t.q('CREATE AGGREGATE old (basetype = int, sfunc = add, stype = int4)', 'CREATE AGGREGATE a.old (basetype = int, sfunc = a.add, stype = int4)');
SELECT t.q('COMMENT ON AGGREGATE total(int) IS ''x''', 'COMMENT ON AGGREGATE a.total(int) IS ''x''');
SELECT t.q('CREATE FUNCTION same(pair, pair) RETURNS bool IMMUTABLE LANGUAGE sql AS ''SELECT true''', 'CREATE FUNCTION a.same(b.pair, b.pair) RETURNS bool IMMUTABLE LANGUAGE sql AS ''SELECT true''');
SELECT t.q('CREATE OPERATOR === (function = same, leftarg = pair, rightarg = pair, commutator = ===)', 'CREATE OPERATOR a.=== (function = a.same, leftarg = b.pair, rightarg = b.pair, commutator = OPERATOR(a.===))');
SELECT t.q('CREATE OPERATOR b.= (function = same, leftarg = pair, rightarg = pair)', 'CREATE OPERATOR b.= (function = a.same, leftarg = b.pair, rightarg = b.pair)');
SELECT t.q('CREATE VIEW ops AS SELECT p === p AS x, NOT p===p AND c > ''a'' AS y FROM typed', 'CREATE VIEW a.ops AS SELECT p OPERATOR(a.===) p AS x, NOT p OPERATOR(a.===)p AND c > ''a'' AS y FROM a.typed');
SELECT t.q('CREATE VIEW equal AS SELECT id = 1 AS x FROM one', 'CREATE VIEW a.equal AS SELECT id = 1 AS x FROM a.one');
SELECT t.q('CREATE VIEW equal_pair AS SELECT p = p AS x FROM typed', 'CREATE VIEW a.equal_pair AS SELECT p OPERATOR(b.=) p AS x FROM a.typed');
SELECT t.q('COMMENT ON OPERATOR === (pair, pair) IS ''x''', 'COMMENT ON OPERATOR a.=== (b.pair, b.pair) IS ''x''');
SELECT t.q('ALTER OPERATOR = (pair, pair) SET (restrict = eqsel)', 'ALTER OPERATOR b.= (b.pair, b.pair) SET (restrict = eqsel)');
SELECT t.q('CREATE CAST (pair AS text) WITH FUNCTION lower(pair)', 'CREATE CAST (b.pair AS text) WITH FUNCTION a.lower(b.pair)');
SELECT t.q('COMMENT ON CAST (pair AS text) IS ''x''', 'COMMENT ON CAST (b.pair AS text) IS ''x''');
SELECT t.q('DROP CAST (pair AS text)', 'DROP CAST (b.pair AS text)');
SELECT t.q('CREATE FUNCTION compare(pair, pair) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT 0''', 'CREATE FUNCTION a.compare(b.pair, b.pair) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT 0''');
SELECT t.q('CREATE OPERATOR FAMILY pairs USING btree', 'CREATE OPERATOR FAMILY a.pairs USING btree');
SELECT t.q('CREATE OPERATOR CLASS pair_ops FOR TYPE pair USING btree FAMILY pairs AS OPERATOR 3 ===, FUNCTION 1 compare(pair, pair)',
  'CREATE OPERATOR CLASS a.pair_ops FOR TYPE b.pair USING btree FAMILY a.pairs AS OPERATOR 3 a.===, FUNCTION 1 a.compare(b.pair, b.pair)');
SELECT t.q('COMMENT ON OPERATOR CLASS pair_ops USING btree IS ''x''', 'COMMENT ON OPERATOR CLASS a.pair_ops USING btree IS ''x''');
SELECT t.q('ALTER OPERATOR FAMILY pairs USING btree RENAME TO pairs2', 'ALTER OPERATOR FAMILY a.pairs USING btree RENAME TO pairs2');
SELECT t.q('CREATE INDEX ON typed (p pair_ops)', 'CREATE INDEX ON a.typed (p a.pair_ops)');
SELECT t.q('CREATE TABLE excluded (x int, EXCLUDE USING btree (x WITH =))', 'CREATE TABLE a.excluded (x int, EXCLUDE USING btree (x WITH =))');
SELECT t.q('CREATE CONVERSION latin FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8', 'CREATE CONVERSION a.latin FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8');
SELECT t.q('CREATE TEXT SEARCH DICTIONARY dict (template = simple)', 'CREATE TEXT SEARCH DICTIONARY a.dict (template = simple)');
SELECT t.q('CREATE TEXT SEARCH CONFIGURATION conf (copy = english)', 'CREATE TEXT SEARCH CONFIGURATION a.conf (copy = english)');
SELECT t.q('ALTER TEXT SEARCH CONFIGURATION conf ALTER MAPPING FOR word WITH dict, simple', 'ALTER TEXT SEARCH CONFIGURATION a.conf ALTER MAPPING FOR word WITH a.dict, simple');
SELECT t.q('CREATE VIEW searched AS SELECT to_tsvector(''conf'', ''a b'') AS x, to_tsvector(''english'', ''a'') AS y', 'CREATE VIEW a.searched AS SELECT to_tsvector(''a.conf'', ''a b'') AS x, to_tsvector(''english'', ''a'') AS y');
SELECT t.q('CREATE SCHEMA c CREATE VIEW v2 AS SELECT t1.x FROM t1, one CREATE TABLE t1 (x int, m mood)', 'CREATE SCHEMA c CREATE VIEW c.v2 AS SELECT t1.x FROM c.t1, a.one CREATE TABLE c.t1 (x int, m a.mood)');
-- Gone
SELECT t.q('DROP INDEX far_i', 'DROP INDEX a.far_i');
SELECT t.q('DROP VIEW v, cte, inside', 'DROP VIEW a.v, a.cte, a.inside');
SELECT t.q('DROP OPERATOR CLASS pair_ops USING btree CASCADE', 'DROP OPERATOR CLASS a.pair_ops USING btree CASCADE');
SELECT t.q('DROP TRIGGER one ON one', 'DROP TRIGGER one ON a.one');
SELECT t.q('DROP RULE one ON one', 'DROP RULE one ON a.one');
SELECT t.q('DROP FUNCTION f, of_column', 'DROP FUNCTION a.f, a.of_column');
SELECT t.q('DROP OPERATOR === (pair, pair) CASCADE', 'DROP OPERATOR a.=== (b.pair, b.pair) CASCADE');
SELECT t.q('DROP AGGREGATE total(int)', 'DROP AGGREGATE a.total(int)');
SELECT t.q('DROP DOMAIN positive CASCADE', 'DROP DOMAIN a.positive CASCADE');
SELECT t.q('DROP COLLATION yours, mine CASCADE', 'DROP COLLATION a.yours, a.mine CASCADE');
SELECT t.q('DROP STATISTICS stat', 'DROP STATISTICS a.stat');
SELECT t.q('DROP TEXT SEARCH CONFIGURATION conf CASCADE', 'DROP TEXT SEARCH CONFIGURATION a.conf CASCADE');
-- Once more
RESET search_path;
SELECT t.is('statements', (SELECT count(*) > 100 FROM t.sent), true);
SET client_min_messages = error; DROP SCHEMA a, b, c CASCADE; RESET client_min_messages; CREATE SCHEMA a; CREATE SCHEMA b;
SET search_path = ''; SET check_function_bodies = off;
DO $do$
DECLARE s record; got text; reason text;
BEGIN
  FOR s IN SELECT n, text FROM t.sent ORDER BY n LOOP
    PERFORM t.mark();
    BEGIN
      EXECUTE s.text;
    EXCEPTION WHEN OTHERS THEN
      RAISE EXCEPTION 'TEST FAILED: % does not stand alone: %', s.text, sqlerrm;
    END;
    SELECT ddl_text, message->>'unqualified' INTO got, reason FROM t.new();
    PERFORM t.is('again', got, s.text);
    PERFORM t.is('again, certain: ' || s.text, reason, NULL);
  END LOOP;
END $do$;
DROP SCHEMA a, b, c CASCADE; DROP ROLE qualify_one;
