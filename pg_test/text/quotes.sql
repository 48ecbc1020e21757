-- Semicolons and quotes that do not end a statement.
CREATE FUNCTION a() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN PERFORM 1; PERFORM ';'; END; $body$\; CREATE TABLE b (x int);
SELECT t.texts('dollar quotes', 'CREATE FUNCTION a() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN PERFORM 1; PERFORM '';''; END; $body$', 'CREATE TABLE b (x int)');
CREATE TABLE "semi;colon" ("quote""d; x" int, y text DEFAULT 'it''s; $$ not "over"')\; CREATE TABLE c (x text DEFAULT E'\';\'\\')\; CREATE TABLE d (x text DEFAULT $q$;'"$q$);
SELECT t.texts('strings and identifiers', $x$CREATE TABLE "semi;colon" ("quote""d; x" int, y text DEFAULT 'it''s; $$ not "over"')$x$,
  $x$CREATE TABLE c (x text DEFAULT E'\';\'\\')$x$, 'CREATE TABLE d (x text DEFAULT $q$;''"$q$)');
CREATE FUNCTION e() RETURNS text LANGUAGE sql AS $a$ SELECT $b$ ; $a; $b$ $a$\; COMMENT ON FUNCTION e() IS U&'d\0061t;a' ;
SELECT t.texts('nested dollar tags', 'CREATE FUNCTION e() RETURNS text LANGUAGE sql AS $a$ SELECT $b$ ; $a; $b$ $a$', $x$COMMENT ON FUNCTION e() IS U&'d\0061t;a'$x$);
CREATE TABLE f (x bit(4) DEFAULT B'1010', y bytea DEFAULT '\x3b', z text DEFAULT 'con'
 'tinued;' )\; CREATE TABLE g$h$i (a$1 int);
SELECT t.texts('other literals', $x$CREATE TABLE f (x bit(4) DEFAULT B'1010', y bytea DEFAULT '\x3b', z text DEFAULT 'con'
 'tinued;' )$x$, 'CREATE TABLE g$h$i (a$1 int)');
-- backslashes are ordinary characters or escapes, as the setting says
SET standard_conforming_strings = on;
CREATE TABLE h (x text DEFAULT '\')\; CREATE TABLE i (x text DEFAULT ';');
SELECT t.texts('standard strings', $x$CREATE TABLE h (x text DEFAULT '\')$x$, $x$CREATE TABLE i (x text DEFAULT ';')$x$);
CREATE RULE r AS ON INSERT TO h DO ALSO (INSERT INTO i VALUES ('1'); INSERT INTO i VALUES ('2'))\; CREATE TABLE j (x int);
SELECT t.texts('semicolons in parentheses', $x$CREATE RULE r AS ON INSERT TO h DO ALSO (INSERT INTO i VALUES ('1'); INSERT INTO i VALUES ('2'))$x$, 'CREATE TABLE j (x int)');
CREATE PROCEDURE p() LANGUAGE plpgsql AS '
BEGIN
  RAISE NOTICE ''; %'', 1;
END;'\; CREATE TABLE k (x int);
SELECT t.texts('a body in plain quotes', $x$CREATE PROCEDURE p() LANGUAGE plpgsql AS '
BEGIN
  RAISE NOTICE ''; %'', 1;
END;'$x$, 'CREATE TABLE k (x int)');
