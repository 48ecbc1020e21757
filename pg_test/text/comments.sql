-- Comments before and after a statement are cut off, comments inside are kept to the byte.
/* before */ CREATE TABLE a /* inside; */ (x int /* ( */) /* after */;
SELECT t.texts('around and inside', 'CREATE TABLE a /* inside; */ (x int /* ( */)');
/* nested /* deeper ; */ still */ CREATE TABLE b (x int) /* a /* b */ c */\; /* lead */ CREATE TABLE c (y /* ; */ int)\; /* only a comment */;
SELECT t.texts('in a string of several', 'CREATE TABLE b (x int)', 'CREATE TABLE c (y /* ; */ int)');
CREATE TABLE d (   x   int
  ,	y text   )   
  ;
SELECT t.texts('white space inside is kept, outside cut', E'CREATE TABLE d (   x   int\n  ,\ty text   )');
DO $do$ BEGIN
  EXECUTE E'-- a line comment\nCREATE TABLE e (x int) -- trailing ; comment\n';
  EXECUTE E'CREATE TABLE f -- inside;\n (x int)--end';
  EXECUTE E'/* a */ -- b\n\t\r\n CREATE TABLE g (x int); -- c\n/* d */ CREATE TABLE h (x int) /* e */;;  -- f';
  EXECUTE E'--\nCREATE TABLE i (x int)--';
  EXECUTE E'CREATE TABLE j (x int DEFAULT 1--2\n+1) /*unfinished look: */ /**/';
  EXECUTE E'\fCREATE TABLE k (x int)\f';
END $do$;
SELECT t.texts('line comments', 'CREATE TABLE e (x int)', E'CREATE TABLE f -- inside;\n (x int)', 'CREATE TABLE g (x int)', 'CREATE TABLE h (x int)',
  'CREATE TABLE i (x int)', E'CREATE TABLE j (x int DEFAULT 1--2\n+1)', 'CREATE TABLE k (x int)');
-- things that look like comments
DO $do$ BEGIN
  EXECUTE $x$CREATE TABLE l ("--" int, "/*" text DEFAULT '/* -- ;', "*/" text DEFAULT '*/')$x$;
  EXECUTE $x$COMMENT ON TABLE l IS 'ends in a comment -- /*'$x$;
  EXECUTE $x$COMMENT ON TABLE l IS $$ -- /* ; $$ -- the end$x$;
  EXECUTE $x$CREATE TABLE m (x int CHECK (x <-- less than
    5))$x$;
END $do$;
SELECT t.is('4 rows', (SELECT count(*) FROM t.new()), 4);
SELECT t.texts('look-alikes', $x$CREATE TABLE l ("--" int, "/*" text DEFAULT '/* -- ;', "*/" text DEFAULT '*/')$x$,
  $x$COMMENT ON TABLE l IS 'ends in a comment -- /*'$x$, $x$COMMENT ON TABLE l IS $$ -- /* ; $$$x$, $x$CREATE TABLE m (x int CHECK (x <-- less than
    5))$x$);
