-- requires: 9.5
-- As pg_dump writes a schema.
SET statement_timeout = 0; SET lock_timeout = 0; SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false; SET xmloption = content; SET client_min_messages = warning; SET row_security = off;
CREATE SCHEMA dumped;
ALTER SCHEMA dumped OWNER TO postgres;
COMMENT ON SCHEMA dumped IS 'made by pg_dump';
CREATE TYPE dumped.state AS ENUM (
    'on',
    'off'
);
ALTER TYPE dumped.state OWNER TO postgres;
CREATE FUNCTION dumped.f(a integer, OUT b text) RETURNS text
    LANGUAGE plpgsql
    AS $_$
begin
  b := $1 || ';' || '$$';
end;
$_$;
ALTER FUNCTION dumped.f(a integer, OUT b text) OWNER TO postgres;
SET default_tablespace = '';
CREATE TABLE dumped.t (
    id integer NOT NULL,
    s dumped.state DEFAULT 'on'::dumped.state,
    "Text" text DEFAULT 'x;y'::text
);
ALTER TABLE dumped.t OWNER TO postgres;
COMMENT ON COLUMN dumped.t."Text" IS 'a "text"';
CREATE SEQUENCE dumped.t_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE dumped.t_id_seq OWNER TO postgres;
ALTER SEQUENCE dumped.t_id_seq OWNED BY dumped.t.id;
CREATE VIEW dumped.v AS
 SELECT t.id,
    t."Text"
   FROM dumped.t
  WHERE (t.s = 'on'::dumped.state);
ALTER TABLE dumped.v OWNER TO postgres;
ALTER TABLE ONLY dumped.t ALTER COLUMN id SET DEFAULT nextval('dumped.t_id_seq'::regclass);
INSERT INTO dumped.t VALUES (1, 'on', 'a;');
SELECT pg_catalog.setval('dumped.t_id_seq', 1, true);
ALTER TABLE ONLY dumped.t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE INDEX t_text ON dumped.t USING btree ("Text");
ALTER TABLE dumped.t CLUSTER ON t_text;
ALTER TABLE ONLY dumped.t REPLICA IDENTITY USING INDEX t_pkey;
REVOKE ALL ON SCHEMA dumped FROM PUBLIC;
GRANT USAGE ON SCHEMA dumped TO PUBLIC;
GRANT SELECT ON TABLE dumped.t TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA dumped GRANT SELECT ON TABLES TO PUBLIC;
SELECT pg_catalog.set_config('search_path', '"$user", public', false);
RESET ALL;
