-- What a database has besides its tables: read by database.rs, run by a superuser in the new database. Roles are there.
CREATE SCHEMA app AUTHORIZATION shop_owner;
CREATE SCHEMA archive AUTHORIZATION shop_owner;
CREATE SCHEMA load AUTHORIZATION shop_owner;
CREATE SCHEMA load2 AUTHORIZATION shop_owner;
CREATE SCHEMA "Odd Schema" AUTHORIZATION shop_owner;
CREATE SCHEMA "q""uote" AUTHORIZATION shop_owner;
CREATE SCHEMA "schéma" AUTHORIZATION shop_owner;
GRANT USAGE ON SCHEMA app, archive, "Odd Schema", "q""uote", "schéma" TO shop_app, "Shop Report";
COMMENT ON SCHEMA "Odd Schema" IS 'it''s "odd" \ and has two
lines';
SET ROLE shop_owner;
SET search_path = app;

CREATE TYPE state AS ENUM ('new', 'paid', 'sent', 'it''s back');
CREATE TYPE address AS (street text, number int, "Postal Code" varchar(10));
CREATE TYPE span AS RANGE (subtype = float8);
CREATE DOMAIN email AS text CONSTRAINT has_at CHECK (VALUE ~ '@') CONSTRAINT short CHECK (length(VALUE) < 200);
CREATE DOMAIN amount AS numeric(12, 2) NOT NULL DEFAULT 0 CHECK (VALUE >= 0);
CREATE COLLATION "by C" (provider = libc, locale = 'C');
COMMENT ON TYPE state IS 'of an order';
COMMENT ON DOMAIN email IS $$it's checked$$;

CREATE SEQUENCE down INCREMENT -5 MINVALUE -100000 MAXVALUE -1 START -10;
CREATE SEQUENCE around AS smallint INCREMENT 3 MINVALUE 10 MAXVALUE 100 CYCLE CACHE 7;
CREATE SEQUENCE unused START 42;
CREATE SEQUENCE "Seq ""x""" INCREMENT 100;
SELECT nextval('down'), nextval('around'), nextval('"Seq ""x"""') FROM generate_series(1, 20);

CREATE TABLE audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tab name, op text, old_row jsonb);
CREATE FUNCTION net(total numeric) RETURNS numeric IMMUTABLE STRICT LANGUAGE sql AS 'SELECT total / 1.19';
CREATE FUNCTION initials(name text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $f$ BEGIN RETURN upper(left(name, 2)); END $f$;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
  NEW.touched := coalesce(OLD.touched, 0) + 1;
  RETURN NEW;
END $f$;
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = app, pg_temp AS $f$
BEGIN
  INSERT INTO app.audit (tab, op, old_row) VALUES (TG_TABLE_NAME, TG_OP, to_jsonb(OLD));
  RETURN NULL;
END $f$;
CREATE PROCEDURE tidy(keep int DEFAULT 10) LANGUAGE sql AS 'DELETE FROM app.audit WHERE id < $1';
CREATE FUNCTION longest(a text, b text) RETURNS text IMMUTABLE LANGUAGE sql AS
  'SELECT CASE WHEN coalesce(length($1), -1) >= length($2) THEN $1 ELSE $2 END';
CREATE AGGREGATE longest(text) (SFUNC = longest, STYPE = text);
CREATE OPERATOR ~~> (LEFTARG = text, RIGHTARG = text, FUNCTION = longest);
CREATE TEXT SEARCH CONFIGURATION plain_words (COPY = pg_catalog.simple);
REVOKE ALL ON FUNCTION net(numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION net(numeric) TO shop_app WITH GRANT OPTION;
COMMENT ON FUNCTION net(numeric) IS 'without tax';
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO "Shop Report";
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO shop_app;

-- large objects: of all sizes, one of them empty, with owners, rights and comments
SELECT count(lo_from_bytea(700000 + g, convert_to(repeat(md5(g::text), g * g * 3), 'UTF8'))) FROM generate_series(0, 30) g;
RESET ROLE;
ALTER LARGE OBJECT 700001 OWNER TO shop_app;
GRANT SELECT ON LARGE OBJECT 700002 TO "Shop Report";
COMMENT ON LARGE OBJECT 700003 IS 'a scan';
RESET search_path;
