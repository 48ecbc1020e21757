-- Objects of extension dts_ddl_capture. Every name is qualified and nothing is found through a schema that others can
-- write to: CREATE EXTENSION puts public into the search_path.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Names that are taken get a clear answer before anything is made.
DO $check$
DECLARE
  taken text;
  hint constant text := 'To migrate from hand-made capture without missing a command, in one transaction: drop the event '
    'trigger and the function, move the table to another schema (ALTER TABLE public.dts_ddl_command SET SCHEMA ..), '
    'CREATE EXTENSION dts_ddl_capture, and set the sequence of the new table above the highest old id.';
  owner_text constant text := 'It was probably made by hand or by a data transmission service (DTS), whose tasks create '
    'and drop objects of this name.';
  rival record;
BEGIN
  SELECT CASE k WHEN 1 THEN 'table "public.dts_ddl_command"' WHEN 2 THEN 'function "public.dts_capture_ddl()"'
                WHEN 3 THEN 'event trigger "' || n || '"' ELSE 'schema "dts_ddl"' END
    INTO taken
    FROM (
      SELECT 3 AS k, e.evtname AS n FROM pg_catalog.pg_event_trigger e
       WHERE e.evtname IN ('dts_intercept_ddl', 'dts_intercept_start', 'dts_intercept_drop', 'dts_intercept_rewrite')
      UNION ALL
      SELECT 1, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
       WHERE s.nspname = 'public' AND c.relname IN ('dts_ddl_command', 'dts_ddl_command_id_seq', 'dts_ddl_command_pkey')
      UNION ALL
      SELECT 2, p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace s ON s.oid = p.pronamespace
       WHERE s.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0
      UNION ALL
      SELECT 4, s.nspname FROM pg_catalog.pg_namespace s WHERE s.nspname = 'dts_ddl'
    ) existing
   ORDER BY k LIMIT 1;
  IF taken IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'duplicate_object',
      MESSAGE = taken || ' already exists',
      DETAIL = owner_text,
      HINT = hint;
  END IF;
  FOR rival IN
    SELECT e.evtname FROM pg_catalog.pg_event_trigger e
     WHERE e.evtname ~ '^(awsdms_|hwdrs_|udts_|ape_dts_|dts_|dms_|pgl_ddl|pglogical|spock|pgactive|bucardo|tg_ddl|ddl_capture|replicate_ddl)'
     ORDER BY e.evtname
  LOOP
    RAISE WARNING USING
      MESSAGE = format('another DDL capture is present: event trigger "%s"', rival.evtname),
      HINT = 'Each records the commands of the other. Drop it when its consumer no longer needs it.';
  END LOOP;
END
$check$;

CREATE SCHEMA dts_ddl;
COMMENT ON SCHEMA dts_ddl IS 'Extension dts_ddl_capture: everything but the three objects that consumers know by name';

CREATE TABLE public.dts_ddl_command (
  ddl_text text,
  id bigserial PRIMARY KEY,
  event text,
  tag text,
  username varchar,
  database varchar,
  schema varchar,
  object_type varchar,
  object_name varchar,
  client_address varchar,
  client_port integer,
  event_time timestamptz,
  txid_current varchar(128),
  message text
) USING heap;
COMMENT ON TABLE public.dts_ddl_command IS 'One row for each committed DDL command of this database, decoded from WAL by consumers';
COMMENT ON COLUMN public.dts_ddl_command.ddl_text IS 'Exactly one statement, from its first token to its last, without semicolon';
COMMENT ON COLUMN public.dts_ddl_command.id IS 'Ascending number of the command; commands that were rolled back leave gaps';
COMMENT ON COLUMN public.dts_ddl_command.event IS 'Always ddl_command_end';
COMMENT ON COLUMN public.dts_ddl_command.tag IS 'Command tag of ddl_text';
COMMENT ON COLUMN public.dts_ddl_command.username IS 'Role whose rights the command had';
COMMENT ON COLUMN public.dts_ddl_command.database IS 'Name of the database';
COMMENT ON COLUMN public.dts_ddl_command.schema IS 'First schema of the effective search_path when the command began';
COMMENT ON COLUMN public.dts_ddl_command.object_type IS 'Type of the main object';
COMMENT ON COLUMN public.dts_ddl_command.object_name IS 'Identity of the main object, qualified and quoted where needed';
COMMENT ON COLUMN public.dts_ddl_command.client_address IS 'Address of the client; NULL on a Unix-domain socket';
COMMENT ON COLUMN public.dts_ddl_command.client_port IS 'Port of the client; NULL on a Unix-domain socket';
COMMENT ON COLUMN public.dts_ddl_command.event_time IS 'Clock time at the end of the command';
COMMENT ON COLUMN public.dts_ddl_command.txid_current IS 'Transaction id, as txid_current() gives it';
COMMENT ON COLUMN public.dts_ddl_command.message IS 'JSON document with all that is known beyond the columns; documented in the README';
COMMENT ON SEQUENCE public.dts_ddl_command_id_seq IS 'Numbers the rows of public.dts_ddl_command';
COMMENT ON INDEX public.dts_ddl_command_pkey IS 'Rows of public.dts_ddl_command by id';

CREATE SEQUENCE dts_ddl.pruned_id;
COMMENT ON SEQUENCE dts_ddl.pruned_id IS 'Highest id that retention has deleted; read it with dts_ddl.pruned_through()';
CREATE SEQUENCE dts_ddl.row_count MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.row_count IS 'Number of rows in public.dts_ddl_command, for retention; dts_ddl.prune() counts anew';
CREATE SEQUENCE dts_ddl.counted_id;
COMMENT ON SEQUENCE dts_ddl.counted_id IS 'Newest id when the rows were last counted, for retention';
CREATE SEQUENCE dts_ddl.gap_count;
COMMENT ON SEQUENCE dts_ddl.gap_count IS 'Commands let through without a row; read it with dts_ddl.gaps()';
CREATE SEQUENCE dts_ddl.restored;
COMMENT ON SEQUENCE dts_ddl.restored IS 'Set when the extension was made by the restore of a dump, whose commands are no new DDL';
-- every dump has set it; see src/restore.rs
SELECT setval('dts_ddl.restored', 1) WHERE current_setting('row_security') = 'off';
CREATE SEQUENCE dts_ddl.apply_after MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.apply_after IS 'On a destination: rows up to this id are history and are not run';
CREATE SEQUENCE dts_ddl.apply_since MINVALUE 0;
COMMENT ON SEQUENCE dts_ddl.apply_since IS 'On a destination: when dts_ddl.start_apply() was called, in microseconds since 1970';

CREATE FUNCTION public.dts_capture_ddl() RETURNS event_trigger
  LANGUAGE c SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'capture_ddl_wrapper';
COMMENT ON FUNCTION public.dts_capture_ddl() IS 'Records a DDL command in public.dts_ddl_command';
CREATE FUNCTION dts_ddl.capture_start() RETURNS event_trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'capture_start_wrapper';
COMMENT ON FUNCTION dts_ddl.capture_start() IS 'Notes who runs a DDL command and under which settings; looks nothing up by name';
CREATE FUNCTION dts_ddl.capture_drop() RETURNS event_trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'capture_drop_wrapper';
COMMENT ON FUNCTION dts_ddl.capture_drop() IS 'Notes the objects that a DDL command drops; looks nothing up by name';
CREATE FUNCTION dts_ddl.capture_rewrite() RETURNS event_trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'capture_rewrite_wrapper';
COMMENT ON FUNCTION dts_ddl.capture_rewrite() IS 'Notes the tables that a DDL command rewrites; looks nothing up by name';

CREATE FUNCTION dts_ddl.pruned_through() RETURNS bigint
  LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'pruned_through_wrapper';
COMMENT ON FUNCTION dts_ddl.pruned_through() IS 'Highest id that retention has deleted, 0 when none; ahead of the truth after a rollback, never behind';
CREATE FUNCTION dts_ddl.prune() RETURNS bigint
  LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'prune_wrapper';
COMMENT ON FUNCTION dts_ddl.prune() IS 'Deletes all rows beyond dts_ddl_capture.max_rows and max_age now; returns their number';
CREATE FUNCTION dts_ddl.gaps() RETURNS bigint
  LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'gaps_wrapper';
COMMENT ON FUNCTION dts_ddl.gaps() IS 'Number of DDL commands that went through without a row under dts_ddl_capture.on_error = warning';
CREATE FUNCTION dts_ddl.last_id() RETURNS bigint
  LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'last_id_wrapper';
COMMENT ON FUNCTION dts_ddl.last_id() IS 'Highest id given so far on this server, 0 when none';
CREATE FUNCTION dts_ddl.script(after_id bigint DEFAULT 0, up_to_id bigint DEFAULT NULL) RETURNS SETOF text
  LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'script_wrapper';
COMMENT ON FUNCTION dts_ddl.script(bigint, bigint) IS 'Commands with ids above after_id and up to up_to_id as a script for psql';
CREATE FUNCTION dts_ddl.statement_tags(query text) RETURNS text[]
  LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'statement_tags_wrapper';
COMMENT ON FUNCTION dts_ddl.statement_tags(text) IS 'Command tag of each statement in a text, by PostgreSQL''s own parser; raises its syntax error';

-- The destination. Its tables and triggers are made by start_apply(), so that a source has nothing of them.
CREATE FUNCTION dts_ddl.apply_once() RETURNS trigger
  LANGUAGE c SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'apply_once_wrapper';
COMMENT ON FUNCTION dts_ddl.apply_once() IS 'Keeps out rows that logical replication brings a second time';
CREATE FUNCTION dts_ddl.apply_row() RETURNS trigger
  LANGUAGE c SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'apply_row_wrapper';
COMMENT ON FUNCTION dts_ddl.apply_row() IS 'Runs the DDL command of a row that logical replication brings';
CREATE FUNCTION dts_ddl.apply_copied() RETURNS trigger
  LANGUAGE c SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'apply_copied_wrapper';
COMMENT ON FUNCTION dts_ddl.apply_copied() IS 'Runs the DDL commands of the initial copy that are newer than start_apply(after_id)';
CREATE FUNCTION dts_ddl.own_rows() RETURNS trigger
  LANGUAGE c AS 'MODULE_PATHNAME', 'own_rows_wrapper';
COMMENT ON FUNCTION dts_ddl.own_rows() IS 'Keeps rows of other servers out of a table that belongs to this server alone';

CREATE FUNCTION dts_ddl.subscribe_start() RETURNS event_trigger
  LANGUAGE c SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'subscribe_start_wrapper';
COMMENT ON FUNCTION dts_ddl.subscribe_start() IS 'Fetches the rows that the publisher has, and runs those that are newer than start_apply(after_id)';
CREATE FUNCTION dts_ddl.subscribe_end() RETURNS event_trigger
  LANGUAGE c SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'subscribe_end_wrapper';
COMMENT ON FUNCTION dts_ddl.subscribe_end() IS 'Lets the capture table follow the stream of a new subscription from its beginning';

CREATE FUNCTION dts_ddl.start_apply(after_id bigint DEFAULT NULL, server_number integer DEFAULT NULL) RETURNS void
  LANGUAGE c VOLATILE SET search_path TO pg_catalog, pg_temp SET session_replication_role TO replica
  AS 'MODULE_PATHNAME', 'start_apply_wrapper';
COMMENT ON FUNCTION dts_ddl.start_apply(bigint, integer) IS 'Makes this database a destination: DDL commands that logical replication brings are run; those up to after_id are history';

CREATE FUNCTION dts_ddl.stop_apply(capture boolean DEFAULT false) RETURNS void
  LANGUAGE c STRICT VOLATILE SET search_path TO pg_catalog, pg_temp SET session_replication_role TO replica
  AS 'MODULE_PATHNAME', 'stop_apply_wrapper';
COMMENT ON FUNCTION dts_ddl.stop_apply(boolean) IS 'Makes this database an ordinary one again; its own ids go on above those that are there';

CREATE FUNCTION dts_ddl.skip(id bigint) RETURNS void
  LANGUAGE c STRICT VOLATILE SET search_path TO pg_catalog, pg_temp AS 'MODULE_PATHNAME', 'skip_wrapper';
COMMENT ON FUNCTION dts_ddl.skip(bigint) IS 'The DDL command with this id is not to be run here';

CREATE FUNCTION dts_ddl.adopt_tables(subscription name) RETURNS bigint
  LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'adopt_tables_wrapper';
COMMENT ON FUNCTION dts_ddl.adopt_tables(name) IS 'Enters all tables of this database in a subscription as ready, without a copy; returns their number';

CREATE EVENT TRIGGER dts_intercept_start ON ddl_command_start EXECUTE FUNCTION dts_ddl.capture_start();
COMMENT ON EVENT TRIGGER dts_intercept_start IS 'Extension dts_ddl_capture: beginning of a DDL command';
CREATE EVENT TRIGGER dts_intercept_drop ON sql_drop EXECUTE FUNCTION dts_ddl.capture_drop();
COMMENT ON EVENT TRIGGER dts_intercept_drop IS 'Extension dts_ddl_capture: objects dropped by a DDL command';
CREATE EVENT TRIGGER dts_intercept_rewrite ON table_rewrite EXECUTE FUNCTION dts_ddl.capture_rewrite();
COMMENT ON EVENT TRIGGER dts_intercept_rewrite IS 'Extension dts_ddl_capture: tables rewritten by a DDL command';
CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE FUNCTION public.dts_capture_ddl();
COMMENT ON EVENT TRIGGER dts_intercept_ddl IS 'Extension dts_ddl_capture: end of a DDL command';

-- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given.
DO $revoke$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('REVOKE ALL ON %s FROM %s', o.what, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END)
      FROM (
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass::text AS what,
               c.relowner AS owner, coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner)) AS acl
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'S', 'v')
           AND (n.nspname = 'dts_ddl' OR n.nspname = 'public' AND c.relname IN ('dts_ddl_command', 'dts_ddl_command_id_seq'))
        UNION ALL
        SELECT 'FUNCTION ' || p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = 'dts_ddl' OR n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0
        UNION ALL
        SELECT 'SCHEMA dts_ddl', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
          FROM pg_catalog.pg_namespace n WHERE n.nspname = 'dts_ddl'
      ) o
      CROSS JOIN LATERAL aclexplode(o.acl) a
      LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
     WHERE a.grantee <> o.owner
     GROUP BY 1
  LOOP
    EXECUTE command;
  END LOOP;
END
$revoke$;
