-- dts_ddl_capture, portable edition: DDL capture in plain SQL and PL/pgSQL, for servers on which no native library can be
-- loaded (managed services; PostgreSQL older than 13). For psql -f and for pasting into a web console: it is ONE statement,
-- so that either everything is made or nothing.
--
-- What it makes: the three names that consumers know (table public.dts_ddl_command, function public.dts_capture_ddl(), event
-- trigger dts_intercept_ddl), schema dts_ddl_portable with the rest, and the event triggers dts_intercept_caller, _drop, _start.
-- Run again over itself it puts functions, triggers and rights in order and leaves the rows alone; a table that was dropped comes back.
-- To take over from a DTS function that is there already, without missing a command, run before it in the same session:
--   SET dts_ddl_portable.take_over = 'on';
-- the old table and function are then kept in schema dts_old, and ids go on above the old ones.
--
-- What it relies on: the right to create event triggers (superuser; on managed services the privileged account), and on
-- schema public. Nothing else: no file, no library, no setting of the server. It keeps to the syntax of 9.4, and has parentheses
-- wherever 9.5 has changed how tightly operators bind. What it cannot do is said in each row (message: "flags") and in
-- docs/portable.md, which also says what it was tested on.
--
-- How its functions trust each other. Nothing that a user can write decides anything: no secret is needed, and there is none.
-- - No function may be called by anybody but the owner. note_caller() alone runs with the rights of whoever runs the DDL command,
--   and sees that one's search_path (it has no pinned one, and finds nothing by an unqualified name): it notes role and path in a
--   setting, and dts_capture_ddl(), which is called at once after it, takes them from there; no code of a user runs in between.
-- - What is told otherwise from one function to another is a row of table dts_ddl_portable.note, which only the owner can write. It
--   belongs to the transaction, so that it goes where the command goes when that is rolled back. Sequence newest only says where to look.
-- - The rows are written through view dts_ddl_portable.rows, which knows the table by its OID: whoever owns schema public can put
--   something else in the table's place, but nothing is written to that.
-- - A command that goes through has a row or is counted as a gap. Where neither can be had (the stack is used up to its end, or the
--   command itself has made its transaction READ ONLY), it fails with PostgreSQL's own error.
DO $install$
DECLARE
  version constant pg_catalog.int4 := pg_catalog.current_setting('server_version_num')::pg_catalog.int4;
  take_over pg_catalog.bool := false;
  moved pg_catalog.bool := false;
  is_again pg_catalog.bool;
  is_new_table pg_catalog.bool;
  trusted pg_catalog.oid[];     -- the role that installs, and superusers: nothing of anybody else is taken over
  place pg_catalog.text;
  wrong pg_catalog.text;
  state pg_catalog.text;
  relation pg_catalog.oid;
  taken pg_catalog.text;
  highest pg_catalog.int8;
  former pg_catalog.text[];
  item pg_catalog.text;
  rival pg_catalog.text;
  path constant pg_catalog.text := pg_catalog.current_setting('search_path');
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

  -- Is the place free? Every refusal comes before anything is made.
  IF version < 90400 THEN
    RAISE EXCEPTION 'the portable edition needs PostgreSQL 9.4 or later' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF EXISTS (SELECT 1 FROM pg_extension e WHERE e.extname = 'dts_ddl_capture') THEN
    RAISE EXCEPTION 'extension dts_ddl_capture is installed in this database' USING
      ERRCODE = 'duplicate_object', DETAIL = 'It is the native edition, which does all that the portable edition does, and more.',
      HINT = 'Keep it. If the portable edition is really wanted: DROP EXTENSION dts_ddl_capture first; DDL in between is not captured.';
  END IF;
  BEGIN
    take_over := pg_catalog.current_setting('dts_ddl_portable.take_over')::pg_catalog.bool;
  EXCEPTION WHEN OTHERS THEN
    take_over := false;
  END;
  trusted := ARRAY(SELECT r.oid FROM pg_roles r WHERE r.rolsuper OR r.rolname = current_user);
  is_again := EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                       WHERE n.nspname = 'dts_ddl_portable' AND c.relname = 'own');
  IF NOT is_again THEN
    SELECT o.what INTO taken FROM (
      SELECT 1 AS place, 'event trigger "' || e.evtname || '"' AS what FROM pg_event_trigger e
       WHERE e.evtname IN ('dts_intercept_ddl', 'dts_intercept_caller', 'dts_intercept_drop', 'dts_intercept_start')
      UNION ALL
      SELECT 2, 'table "public.dts_ddl_command"' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relname IN ('dts_ddl_command', 'dts_ddl_command_id_seq', 'dts_ddl_command_pkey')
      UNION ALL
      SELECT 3, 'function "public.dts_capture_ddl()"' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
       WHERE n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0
      UNION ALL
      SELECT 4, 'schema "dts_ddl_portable"' FROM pg_namespace n WHERE n.nspname = 'dts_ddl_portable') o
     ORDER BY o.place LIMIT 1;
    IF taken IS NOT NULL AND (NOT take_over OR taken LIKE 'schema%') THEN
      RAISE EXCEPTION USING
        ERRCODE = 'duplicate_object', MESSAGE = taken || ' already exists',
        DETAIL = 'It was probably made by hand or by a data transmission service (DTS), whose tasks create and drop objects of this name.',
        HINT = 'To take over from it without missing a command, run in this session: SET dts_ddl_portable.take_over = ''on''; then this script again. '
          || 'The old table and function are kept in schema dts_old, and ids go on above the old ones.';
    END IF;
    IF NOT has_schema_privilege('public', 'CREATE') OR NOT has_database_privilege(current_database(), 'CREATE') THEN
      RAISE EXCEPTION 'permission denied to install the portable edition' USING
        ERRCODE = 'insufficient_privilege',
        DETAIL = 'It needs CREATE on schema public and on database ' || quote_ident(current_database()) || '.',
        HINT = 'Run it as superuser, or with the privileged account of the service.';
    END IF;
    IF taken IS NOT NULL AND EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname = 'dts_old') THEN
      RAISE EXCEPTION 'schema "dts_old" already exists' USING
        ERRCODE = 'duplicate_schema', DETAIL = 'The objects that are taken over are kept there.', HINT = 'Rename or drop it.';
    END IF;
  ELSE
    -- the schema and all that is in it
    SELECT CASE WHEN o.oid = n.oid THEN 'schema "dts_ddl_portable" belongs to another role' ELSE 'an object in schema "dts_ddl_portable" belongs to another role' END
      INTO wrong FROM pg_namespace n JOIN (
        SELECT x.oid, x.oid AS nsp, x.nspowner AS owner FROM pg_namespace x
        UNION ALL SELECT x.oid, x.relnamespace, x.relowner FROM pg_class x
        UNION ALL SELECT x.oid, x.typnamespace, x.typowner FROM pg_type x
        UNION ALL SELECT x.oid, x.pronamespace, x.proowner FROM pg_proc x
        UNION ALL SELECT x.oid, x.oprnamespace, x.oprowner FROM pg_operator x) o ON o.nsp = n.oid
     WHERE n.nspname = 'dts_ddl_portable' AND NOT (o.owner = ANY (trusted)) ORDER BY o.oid = n.oid DESC LIMIT 1;
    IF wrong IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = wrong,
        DETAIL = 'It belongs neither to ' || quote_ident(current_user) || ' nor to a superuser.',
        HINT = 'Run this script as the role that installed the portable edition. If none did: look at what it is and who made it, and drop it.';
    END IF;
  END IF;

  -- The function that was there before goes aside, and is not dropped: a session that is in the middle of a command may still call it.
  -- DDL waits for the table's lock and is then captured by what is made here.
  IF NOT is_again AND taken IS NOT NULL THEN
    FOR item IN SELECT e.evtname FROM pg_event_trigger e
                 WHERE e.evtname IN ('dts_intercept_ddl', 'dts_intercept_caller', 'dts_intercept_drop', 'dts_intercept_start') LOOP
      EXECUTE 'DROP EVENT TRIGGER ' || quote_ident(item);
    END LOOP;
    CREATE SCHEMA dts_old;
    COMMENT ON SCHEMA dts_old IS 'DDL capture as it was before: table and function. To be dropped when nobody needs the rows any more';
    -- BEGIN what sql/portable/to_native.sql does, too
    -- Only an ordinary table of a trusted role: reading anything else can run code of whoever made it. Asked before anybody is waited for,
    -- and again where it decides: locked, and in a schema in which nobody else can put something else in its place.
    FOREACH place IN ARRAY ARRAY['public', 'dts_old'] LOOP
      wrong := NULL;
      SELECT CASE WHEN c.relkind <> 'r' THEN '42809' WHEN NOT (c.relowner = ANY (trusted)) THEN '42501' ELSE '55000' END,
             CASE WHEN c.relkind <> 'r' THEN 'It is no ordinary table.'
                  WHEN NOT (c.relowner = ANY (trusted)) THEN 'It belongs to ' || quote_ident(pg_get_userbyid(c.relowner))
                    || ', which is neither ' || quote_ident(current_user) || ' nor a superuser.'
                  WHEN EXISTS (SELECT 1 FROM pg_index x WHERE x.indrelid = c.oid AND (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL))
                    THEN 'It has an index with an expression or a condition.'
                  WHEN NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id' AND a.atttypid IN ('int8'::regtype, 'int4'::regtype))
                    THEN 'It has no column "id" of type bigint or integer.' END
        INTO state, wrong FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = place AND c.relname = 'dts_ddl_command';
      IF FOUND AND wrong IS NULL AND place = 'public' THEN
        ALTER TABLE public.dts_ddl_command SET SCHEMA dts_old;
        moved := true;
      END IF;
      IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'cannot take over from "public.dts_ddl_command"' USING
          ERRCODE = state, DETAIL = wrong, HINT = 'Look at what it is and who made it. What is not needed: drop it, and run this script again.';
      END IF;
    END LOOP;
    IF EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                WHERE n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0) THEN
      ALTER FUNCTION public.dts_capture_ddl() SET SCHEMA dts_old;
    END IF;
    IF moved THEN
      -- children and what they are made of are not looked at
      SELECT max(c.id) INTO highest FROM ONLY dts_old.dts_ddl_command c;
      -- numbers may have been given that no row shows yet; a sequence of the column went along, and has the table's owner
      item := pg_get_serial_sequence('dts_old.dts_ddl_command', 'id');
      IF EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = item::regclass AND n.nspname = 'dts_old') THEN
        EXECUTE 'SELECT greatest($1, s.last_value) FROM ' || item || ' s' INTO highest USING highest;
      END IF;
    END IF;
    -- one that does not belong to the table's column stayed behind
    FOR item, wrong IN SELECT c.relname::text, CASE WHEN c.relkind <> 'S' OR NOT (c.relowner = ANY (trusted)) THEN quote_ident(pg_get_userbyid(c.relowner)) END
                         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname = 'public' AND c.relname IN ('dts_ddl_command_id_seq', 'dts_ddl_command_pkey') LOOP
      IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'relation "public.%" already exists', item USING
          ERRCODE = 'duplicate_table', DETAIL = 'It is of ' || wrong || ', and not what the capture table had.', HINT = 'Rename or drop it.';
      END IF;
      EXECUTE 'ALTER SEQUENCE public.' || quote_ident(item) || ' SET SCHEMA dts_old';
    END LOOP;
    -- END
    IF moved AND version >= 100000 THEN
      EXECUTE 'SELECT array_agg(p.pubname::text) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                WHERE r.prrelid = ''dts_old.dts_ddl_command''::regclass AND p.pubowner = ANY ($1)' INTO former USING trusted;
    END IF;
  END IF;

  IF NOT is_again THEN
    CREATE SCHEMA dts_ddl_portable;
    CREATE TABLE dts_ddl_portable.own (version text NOT NULL);
    INSERT INTO dts_ddl_portable.own VALUES ('');
    CREATE SEQUENCE dts_ddl_portable.place MINVALUE 0;
    CREATE SEQUENCE dts_ddl_portable.gap_count;
  END IF;
  -- Before anything else that running DDL uses: it locks this table first, and would be waited for while it waits.
  IF is_again AND EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname = 'public' AND c.relname = 'dts_ddl_command' AND c.relkind = 'r' AND c.relowner = ANY (trusted)) THEN
    LOCK TABLE ONLY public.dts_ddl_command IN ACCESS EXCLUSIVE MODE;
  END IF;
  -- what is done here is nobody's DDL
  FOR item IN SELECT e.evtname FROM pg_event_trigger e
               WHERE e.evtname IN ('dts_intercept_ddl', 'dts_intercept_caller', 'dts_intercept_drop', 'dts_intercept_start') LOOP
    BEGIN
      EXECUTE 'DROP EVENT TRIGGER ' || quote_ident(item);
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE EXCEPTION 'permission denied to replace event trigger "%"', item USING
        ERRCODE = 'insufficient_privilege', HINT = 'Run this script as the role that installed the portable edition.';
    END;
  END LOOP;
  -- of 1.1.0
  IF EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = to_regclass('dts_ddl_portable.own') AND a.attname = 'secret' AND NOT a.attisdropped) THEN
    ALTER TABLE dts_ddl_portable.own DROP COLUMN secret;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = to_regclass('dts_ddl_portable.own') AND a.attname = 'relation') THEN
    ALTER TABLE dts_ddl_portable.own ADD COLUMN relation regclass;
    -- UPDATE needs it where a publication FOR ALL TABLES is
    ALTER TABLE dts_ddl_portable.own REPLICA IDENTITY FULL;
  END IF;
  -- Not in WAL, so in no publication and of no interest to a consumer; empty after a crash, when no transaction is left that needs it.
  IF to_regclass('dts_ddl_portable.note') IS NULL THEN
    CREATE UNLOGGED TABLE dts_ddl_portable.note (number bigint PRIMARY KEY, transaction bigint NOT NULL, below bigint NOT NULL,
      kind text NOT NULL, at text, content text, relation oid);
    CREATE UNLOGGED TABLE dts_ddl_portable.places (number bigint PRIMARY KEY, transaction bigint NOT NULL, places text NOT NULL);
    CREATE SEQUENCE dts_ddl_portable.note_number;
    CREATE SEQUENCE dts_ddl_portable.newest MINVALUE 0;
  END IF;
  -- somebody (a task of a DTS, too) may have dropped it
  is_new_table := to_regclass('public.dts_ddl_command') IS NULL;
  IF is_new_table THEN
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
    );
    IF highest IS NOT NULL THEN
      PERFORM setval(pg_get_serial_sequence('public.dts_ddl_command', 'id'), highest);
    END IF;
  ELSE
    SELECT CASE WHEN c.relkind <> 'r' THEN 'It is no ordinary table.' ELSE 'It belongs to ' || quote_ident(pg_get_userbyid(c.relowner)) || '.' END
      INTO wrong FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'public' AND c.relname = 'dts_ddl_command' AND (c.relkind <> 'r' OR NOT (c.relowner = ANY (trusted)));
    IF FOUND THEN
      RAISE EXCEPTION 'relation "public.dts_ddl_command" is not the capture table' USING
        ERRCODE = 'wrong_object_type', DETAIL = wrong, HINT = 'Look at what it is and who made it. What is not needed: drop it, and run this script again.';
    END IF;
    LOCK TABLE ONLY public.dts_ddl_command IN ACCESS EXCLUSIVE MODE;
  END IF;
  -- It knows the table by its OID. What it has come to know decides, not the name.
  IF to_regclass('dts_ddl_portable.rows') IS NOT NULL THEN
    DROP VIEW dts_ddl_portable.rows;
  END IF;
  CREATE VIEW dts_ddl_portable.rows AS
    SELECT c.ddl_text, c.id, c.event, c.tag, c.username, c.database, c.schema, c.object_type, c.object_name, c.client_address, c.client_port,
           c.event_time, c.txid_current, c.message FROM ONLY public.dts_ddl_command c;
  SELECT c.oid INTO relation FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = 'dts_ddl_command' AND c.relkind = 'r' AND c.relowner = ANY (trusted)
     AND EXISTS (SELECT 1 FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
                  WHERE w.ev_class = 'dts_ddl_portable.rows'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid);
  IF relation IS NULL THEN
    RAISE EXCEPTION 'relation "public.dts_ddl_command" has been replaced while this script ran' USING
      ERRCODE = 'object_in_use', HINT = 'Find out who did that.';
  END IF;
  IF to_regclass('dts_ddl_portable.turn') IS NULL THEN
    CREATE SEQUENCE dts_ddl_portable.turn MINVALUE 0;
  END IF;
  IF to_regclass('dts_ddl_portable.turn_at') IS NULL THEN
    CREATE SEQUENCE dts_ddl_portable.turn_at MINVALUE 0;
  END IF;
  UPDATE dts_ddl_portable.own SET version = '1.9.0';
  EXECUTE 'UPDATE dts_ddl_portable.own SET relation = $1' USING relation::regclass;
  COMMENT ON SCHEMA dts_ddl_portable IS 'Portable edition of dts_ddl_capture: everything but the three objects that consumers know by name';
  COMMENT ON TABLE dts_ddl_portable.own IS 'Portable edition of dts_ddl_capture: its version and its table';
  COMMENT ON COLUMN dts_ddl_portable.own.version IS 'Version of the portable edition';
  COMMENT ON COLUMN dts_ddl_portable.own.relation IS 'The capture table; a row for another of its name would reach nobody';
  COMMENT ON TABLE dts_ddl_portable.note IS 'What the functions tell each other while a command runs; empty between transactions';
  COMMENT ON INDEX dts_ddl_portable.note_pkey IS 'Notes by their number';
  COMMENT ON TABLE dts_ddl_portable.places IS 'How far the strings inside functions have been run; a row that is left of a transaction is of no use';
  COMMENT ON INDEX dts_ddl_portable.places_pkey IS 'By the number that sequence turn has given';
  COMMENT ON VIEW dts_ddl_portable.rows IS 'The capture table, whatever has come to stand in its place: rows are written through it';
  COMMENT ON SEQUENCE dts_ddl_portable.note_number IS 'Numbers the notes';
  COMMENT ON SEQUENCE dts_ddl_portable.newest IS 'currval(): where the newest note of a session lies that is not done with; 0 for none';
  COMMENT ON SEQUENCE dts_ddl_portable.place IS 'currval(): up to where a session''s string of several statements has been run';
  COMMENT ON SEQUENCE dts_ddl_portable.turn IS 'currval(): number of the last note about strings inside functions';
  COMMENT ON SEQUENCE dts_ddl_portable.turn_at IS 'currval(): where its row lies';
  COMMENT ON SEQUENCE dts_ddl_portable.gap_count IS 'Commands that went through without a row; read it with dts_ddl_portable.gaps()';
  COMMENT ON TABLE public.dts_ddl_command IS 'One row for each committed DDL command of this database, decoded from WAL by consumers';
  COMMENT ON COLUMN public.dts_ddl_command.ddl_text IS 'The statement; the client''s whole string where message has the flag "whole string"';
  COMMENT ON COLUMN public.dts_ddl_command.id IS 'Ascending number of the command; commands that were rolled back leave gaps';
  COMMENT ON COLUMN public.dts_ddl_command.event IS 'Always ddl_command_end';
  COMMENT ON COLUMN public.dts_ddl_command.tag IS 'Command tag of ddl_text';
  COMMENT ON COLUMN public.dts_ddl_command.username IS 'Role whose rights the command had';
  COMMENT ON COLUMN public.dts_ddl_command.database IS 'Name of the database';
  COMMENT ON COLUMN public.dts_ddl_command.schema IS 'First schema of the effective search_path at the end of the command';
  COMMENT ON COLUMN public.dts_ddl_command.object_type IS 'Type of the main object';
  COMMENT ON COLUMN public.dts_ddl_command.object_name IS 'Identity of the main object, qualified and quoted where needed';
  COMMENT ON COLUMN public.dts_ddl_command.client_address IS 'Address of the client; NULL on a Unix-domain socket';
  COMMENT ON COLUMN public.dts_ddl_command.client_port IS 'Port of the client; NULL on a Unix-domain socket';
  COMMENT ON COLUMN public.dts_ddl_command.event_time IS 'Clock time at the end of the command';
  COMMENT ON COLUMN public.dts_ddl_command.txid_current IS 'Transaction id, as txid_current() gives it';
  COMMENT ON COLUMN public.dts_ddl_command.message IS 'JSON document with all that is known beyond the columns; documented in the README';
  COMMENT ON SEQUENCE public.dts_ddl_command_id_seq IS 'Numbers the rows of public.dts_ddl_command';
  COMMENT ON INDEX public.dts_ddl_command_pkey IS 'Rows of public.dts_ddl_command by id';

  -- Earlier versions had others, or others of the same name. Those that a command calls itself stay the same functions.
  FOR item IN
    SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = 'dts_ddl_portable' AND p.proname NOT IN ('note_caller', 'note_drops', 'begin_command', 'gaps') LOOP
    EXECUTE 'DROP FUNCTION ' || item;
  END LOOP;

  -- The tokens of one statement: of the first that begins at v_from or later, with its semicolon. Follows PostgreSQL's scanner; works
  -- on a part of the text at a time, so that a long string costs no more than its statements. kind: w word (upper case),
  -- i quoted identifier, l constant, s symbol,
  -- ; the semicolon that ends the statement, ! the text ends inside a constant or comment.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.lex(v_text text, v_from integer, v_conforming boolean)
    RETURNS TABLE (at integer, upto integer, kind text, token text, depth integer)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    -- letters are what is no ASCII character but a letter or an underscore
    c_plain constant text := E'[eE]''(?:[^''\\\\]|\\\\.|'''')*''(?:[ \t\f\x0b]*[\n\r][ \t\n\r\f\x0b]*''(?:[^''\\\\]|\\\\.|'''')*'')*|'
      || CASE WHEN v_conforming THEN E'''(?:[^'']|'''')*''' ELSE E'''(?:[^''\\\\]|\\\\.|'''')*''' END;
    c_pattern constant text := E'([ \t\n\r\f\x0b]+|--[^\n\r]*|/\\*|' || c_plain || E'|"(?:[^"]|"")*"'
      || E'|\\$(?:[^\\u0001-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u007f][^\\u0001-\\u002f\\u003a-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u007f]*)?\\$'
      || E'|[^\\u0001-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u007f][^\\u0001-\\u0023\\u0025-\\u002f\\u003a-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u007f]*'
      || E'|[0-9]+|.)';
    c_atomic constant boolean := current_setting('server_version_num')::integer >= 140000;
    v_length constant integer := length(v_text);
    v_pos integer := v_from;      -- of the token
    c_first constant integer := 400;
    v_size integer := c_first;    -- of the part that is looked at; grows with the statement
    v_end integer;                -- behind that part
    v_part text;
    v_word text;
    v_first text;                 -- character of a token
    v_len integer;
    v_rest text;
    v_open integer;
    v_close integer;
    v_nested integer;
    v_any boolean := false;       -- a token of the statement was seen
    v_routine boolean := false;   -- CREATE FUNCTION or PROCEDURE
    v_words integer := 0;
    v_before text := '';
    v_begun integer := 0;         -- BEGIN ATOMIC and CASE that are open
  BEGIN
    depth := 0;
    <<part>>
    WHILE v_pos <= v_length LOOP
      v_part := substr(v_text, v_pos, v_size);
      v_end := v_pos + v_size;
      FOR v_word IN SELECT m.m[1] FROM regexp_matches(v_part, c_pattern, 'g') AS m(m) LOOP
        v_len := length(v_word);
        v_first := left(v_word, 1);
        -- it may go on, or need its end, beyond the part
        IF v_end <= v_length AND (v_pos + v_len >= v_end
            OR v_word IN ('''', '"', '$')
            OR v_word IN ('E', 'e') AND substr(v_text, v_pos + 1, 1) = '''') THEN
          v_size := v_size * 8;
          CONTINUE part;
        END IF;
        at := v_pos;
        token := v_word;
        IF v_first IN (' ', E'\t', E'\n', E'\r', E'\f', E'\x0b') OR v_word LIKE '--%' THEN
          v_pos := v_pos + v_len;
          CONTINUE;
        ELSIF v_word = '/*' THEN
          v_nested := 1;
          v_pos := v_pos + 2;
          WHILE v_nested > 0 LOOP
            v_rest := substr(v_text, v_pos);
            v_open := strpos(v_rest, '/*');
            v_close := strpos(v_rest, '*/');
            IF v_close = 0 THEN
              kind := '!'; upto := v_length + 1;
              RETURN NEXT;
              RETURN;
            END IF;
            IF v_open > 0 AND v_open < v_close THEN
              v_nested := v_nested + 1;
              v_pos := v_pos + v_open + 1;
            ELSE
              v_nested := v_nested - 1;
              v_pos := v_pos + v_close + 1;
            END IF;
          END LOOP;
          v_size := c_first;
          CONTINUE part;
        ELSIF v_first = '$' AND v_len > 1 THEN
          v_close := strpos(substr(v_text, v_pos + v_len), v_word);
          IF v_close = 0 THEN
            kind := '!'; upto := v_length + 1;
            RETURN NEXT;
            RETURN;
          END IF;
          v_pos := v_pos + v_len + v_close - 1 + v_len;
          upto := v_pos; kind := 'l'; v_any := true;
          token := substr(v_text, at, upto - at);
          RETURN NEXT;
          v_size := c_first;
          CONTINUE part;
        ELSIF v_word IN ('''', '"') THEN
          kind := '!'; upto := v_length + 1;
          RETURN NEXT;
          RETURN;
        ELSIF v_first = '"' THEN
          kind := 'i';
        ELSIF right(v_word, 1) = '''' THEN
          kind := 'l';
        ELSIF v_word ~ E'^[^\\u0001-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u007f]' THEN
          kind := 'w';
          -- ASCII only, as PostgreSQL does it
          token := upper(v_word COLLATE "C");
          v_words := v_words + 1;
          IF c_atomic AND depth = 0 THEN
            IF v_words BETWEEN 2 AND 4 AND token IN ('FUNCTION', 'PROCEDURE') THEN
              v_routine := true;
            ELSIF v_routine AND (token = 'ATOMIC' AND v_before = 'BEGIN' OR token = 'CASE' AND v_begun > 0) THEN
              v_begun := v_begun + 1;
            ELSIF v_routine AND token = 'END' AND v_begun > 0 THEN
              v_begun := v_begun - 1;
            END IF;
          END IF;
          v_before := token;
        ELSE
          kind := 's';
          IF v_word IN ('(', '[') THEN
            depth := depth + 1;
          ELSIF v_word IN (')', ']') THEN
            depth := depth - 1;
          END IF;
        END IF;
        v_pos := v_pos + v_len;
        upto := v_pos;
        IF v_word = ';' AND NOT v_any THEN
          CONTINUE;
        END IF;
        v_any := true;
        IF v_word = ';' AND depth <= 0 AND v_begun = 0 THEN
          kind := ';';
          RETURN NEXT;
          RETURN;
        END IF;
        RETURN NEXT;
      END LOOP;
      -- all of the part is read: it reached to the end of the text
      EXIT WHEN v_end > v_length;
    END LOOP;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.lex(text, integer, boolean) IS 'The tokens of the statement that begins at or behind a position';

  -- The statement that begins at or behind v_from: where it lies (last: behind its last token, next: behind its semicolon), its
  -- first tokens, its words outside parentheses, and the command tag that PostgreSQL gives it; '' when it raises no event.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.next_statement(v_text text, v_from integer, v_conforming boolean,
      OUT first integer, OUT last integer, OUT next integer, OUT tokens text[], OUT top text[], OUT is_whole boolean, OUT tag text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_version constant integer := current_setting('server_version_num')::integer;
    v_size integer := 20000;   -- of the window of a long text, so that its length does not matter
    v_window text := v_text;
    v_offset integer := 0;
    v_is_ended boolean;
    i integer := 2;
    a text;
    b text;
    v_object text;
  BEGIN
    LOOP
      IF octet_length(v_text) > 20000 THEN
        v_offset := v_from - 1;
        v_window := substr(v_text, v_from, v_size);
      END IF;
      -- a row of the aggregate has the tokens in their order
      SELECT min(l.at), max(l.upto) FILTER (WHERE l.kind <> ';'), max(l.upto),
             (array_agg(l.token))[1:300], (array_agg(l.token) FILTER (WHERE l.depth = 0 AND l.kind = 'w'))[1:2000],
             bool_and(l.kind <> '!')
               AND coalesce((array_agg(l.depth))[count(*)::integer], 0) = 0, bool_or(l.kind = ';')
        INTO first, last, next, tokens, top, is_whole, v_is_ended
        FROM dts_ddl_portable.lex(v_window, v_from - v_offset, v_conforming) l;
      EXIT WHEN v_is_ended OR coalesce(octet_length(v_window) = octet_length(v_text), true) OR length(v_window) < v_size;
      v_size := v_size * 10;
    END LOOP;
    first := first + v_offset;
    last := last + v_offset;
    next := next + v_offset;
    IF first IS NULL THEN
      next := length(v_text) + 1;
      is_whole := true;
      RETURN;
    END IF;
    top := coalesce(top, ARRAY[]::text[]);
    a := tokens[1];
    tag := '';
    IF a IN ('SELECT', 'WITH', '(') THEN
      IF 'INTO' = ANY (top) AND NOT top && ARRAY['INSERT', 'MERGE'] THEN
        tag := 'SELECT INTO';
      END IF;
      RETURN;
    ELSIF c_version < 90500 AND a IN ('COMMENT', 'SECURITY', 'GRANT', 'REVOKE') THEN
      RETURN;
    ELSIF a IN ('COMMENT', 'SECURITY') THEN
      i := 1;
      WHILE tokens[i] <> 'ON' AND i < least(10, array_length(tokens, 1)) LOOP
        i := i + 1;
      END LOOP;
      IF tokens[i + 1] IN ('DATABASE', 'ROLE', 'TABLESPACE') OR tokens[i + 1] = 'EVENT' AND tokens[i + 2] = 'TRIGGER' THEN
        RETURN;
      END IF;
      tag := CASE a WHEN 'COMMENT' THEN 'COMMENT' ELSE 'SECURITY LABEL' END;
      RETURN;
    ELSIF a IN ('GRANT', 'REVOKE') THEN
      FOR i IN 1 .. coalesce(array_length(top, 1), 0) LOOP
        IF top[i] = 'ON' THEN
          -- of roles otherwise; databases, tablespaces and parameters raise no event
          IF top[i + 1] IS NULL OR NOT top[i + 1] IN ('DATABASE', 'TABLESPACE', 'PARAMETER') THEN
            tag := a;
          END IF;
          RETURN;
        END IF;
      END LOOP;
      RETURN;
    ELSIF a IN ('IMPORT', 'REFRESH') THEN
      tag := CASE a WHEN 'IMPORT' THEN 'IMPORT FOREIGN SCHEMA' ELSE 'REFRESH MATERIALIZED VIEW' END;
      RETURN;
    ELSIF a = 'REINDEX' THEN
      tag := CASE WHEN c_version >= 170000 THEN 'REINDEX' ELSE '' END;
      RETURN;
    ELSIF a NOT IN ('CREATE', 'ALTER', 'DROP') THEN
      RETURN;
    END IF;
    IF a = 'CREATE' THEN
      WHILE tokens[i] IN ('OR', 'REPLACE', 'TEMP', 'TEMPORARY', 'GLOBAL', 'LOCAL', 'UNLOGGED', 'UNIQUE', 'RECURSIVE', 'TRUSTED',
                          'PROCEDURAL', 'DEFAULT', 'CONSTRAINT') LOOP
        i := i + 1;
      END LOOP;
    ELSIF tokens[i] = 'PROCEDURAL' THEN
      i := i + 1;
    END IF;
    v_object := tokens[i];
    b := tokens[i + 1];
    IF v_object IN ('DATABASE', 'ROLE', 'GROUP', 'TABLESPACE', 'SYSTEM', 'EVENT') OR v_object = 'USER' AND b IS DISTINCT FROM 'MAPPING' THEN
      RETURN;
    END IF;
    IF v_object IN ('FOREIGN', 'TEXT') AND b IN ('DATA', 'SEARCH') THEN
      v_object := v_object || ' ' || b || ' ' || tokens[i + 2];
    ELSIF v_object IN ('FOREIGN', 'MATERIALIZED', 'ACCESS', 'USER', 'LARGE', 'DEFAULT')
       OR v_object = 'OPERATOR' AND b IN ('CLASS', 'FAMILY') OR v_object = 'OWNED' AND false THEN
      v_object := v_object || ' ' || b;
    END IF;
    tag := a || ' ' || v_object;
    IF tag = 'CREATE TABLE' AND 'AS' = ANY (top) THEN
      tag := 'CREATE TABLE AS';
    END IF;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.next_statement(text, integer, boolean) IS 'The statement that begins at or behind a position, and its command tag';

  -- How far a string of several statements has been run is kept in the session's own value of a sequence: nobody but the owner
  -- can change that, and ROLLBACK in the string does not take it back.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.place_key(v_source text) RETURNS bigint
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    -- Not the whole of a long one: the time of a client's message is its alone in a session. As a whole number, which no setting words
    -- in another way: the string itself may have set TimeZone or DateStyle meanwhile.
    RETURN ('x' || substr(md5(octet_length(v_source)::text || md5(left(v_source, 1000)) || (extract(epoch FROM statement_timestamp()) * 1000000)::bigint::text || pg_backend_pid()::text), 1, 9))::bit(36)::bigint;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.place_key(text) IS 'What tells one string of one session from another';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.noted(v_sequence regclass, v_key bigint) RETURNS integer
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_noted bigint;
  BEGIN
    v_noted := currval(v_sequence);
    RETURN CASE WHEN v_noted / 16777216 = v_key THEN v_noted % 16777216 END;
  EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN NULL;  -- the first of this session
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.noted(regclass, bigint) IS 'What the session has noted in a sequence for a key';

  -- Strings that are run inside functions can be several at a time, and a subtransaction that is rolled back takes their places
  -- back. They are kept in a row: " key:end:place" for each, where the key tells the point in the code, and the end the text's
  -- end in the context. The session's own value of a sequence has the number of the row. NULL: rolled back since, nothing is known.
  -- The row is fetched by where it lies, which sequence turn_at has: a look-up of any other kind, in a SERIALIZABLE transaction, would be a
  -- conflict with all that others note meanwhile.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.known_places() RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_tidscan = on AS $fn$
  DECLARE
    v_key constant bigint := dts_ddl_portable.place_key('');
    v_number constant integer := dts_ddl_portable.noted('dts_ddl_portable.turn', v_key);
    v_at tid;
  BEGIN
    IF v_number IS NULL THEN
      RETURN '';
    END IF;
    v_at := dts_ddl_portable.row_at(currval('dts_ddl_portable.turn_at'));
    RETURN (SELECT w.places FROM dts_ddl_portable.places w WHERE w.ctid = v_at AND w.number = v_key * 16777216 + v_number);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.known_places() IS 'How far the strings inside functions have been run in this client''s statement';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.note_places(v_places text) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_tidscan = on AS $fn$
  DECLARE
    v_key constant bigint := dts_ddl_portable.place_key('');
    v_number constant integer := coalesce(dts_ddl_portable.noted('dts_ddl_portable.turn', v_key), 0) + 1;
    v_at tid;
  BEGIN
    IF v_number > 1 THEN
      v_at := dts_ddl_portable.row_at(currval('dts_ddl_portable.turn_at'));
      DELETE FROM dts_ddl_portable.places w WHERE w.ctid = v_at AND w.number = v_key * 16777216 + v_number - 1 AND w.transaction = txid_current();
    END IF;
    PERFORM setval('dts_ddl_portable.turn', v_key * 16777216 + v_number);
    INSERT INTO dts_ddl_portable.places VALUES (v_key * 16777216 + v_number, txid_current(), v_places) RETURNING places.ctid INTO v_at;
    PERFORM setval('dts_ddl_portable.turn_at', dts_ddl_portable.row_number(v_at));
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.note_places(text) IS 'Notes how far the strings inside functions have been run';

  -- Where a row lies, as a number, and back.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.row_number(v_at tid) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_parts constant bigint[] := string_to_array(btrim(v_at::text, '()'), ',')::bigint[];
  BEGIN
    RETURN v_parts[1] * 65536 + v_parts[2];
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.row_number(tid) IS 'Where a row lies, as a number';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.row_at(v_number bigint) RETURNS tid
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    RETURN ('(' || v_number / 65536 || ',' || v_number % 65536 || ')')::tid;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.row_at(bigint) IS 'A number as where a row lies';

  -- Notes are a stack: a command that another one runs in the middle of itself puts its own on top and takes it away again.
  -- Sequence newest has where the newest one lies: any other look-up, in a SERIALIZABLE transaction, would be a conflict with what all others
  -- note meanwhile. It is needed after a rollback, and when a session's first command is not at its top: begin_command() has begun otherwise.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.newest_note(OUT place bigint, OUT below bigint, OUT kind text, OUT at text, OUT content text, OUT relation oid)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_tidscan = on AS $fn$
  DECLARE
    v_newest bigint;
    v_at tid;
  BEGIN
    BEGIN
      v_newest := currval('dts_ddl_portable.newest');
    EXCEPTION WHEN object_not_in_prerequisite_state THEN
      NULL;  -- the first of this session, or DISCARD: who knows
    END;
    IF v_newest = 0 THEN
      RETURN;
    END IF;
    v_at := dts_ddl_portable.row_at(v_newest);
    SELECT v_newest, w.below, w.kind, w.at, w.content, w.relation INTO place, below, kind, at, content, relation
      FROM dts_ddl_portable.note w WHERE w.ctid = v_at AND w.transaction = txid_current();
    IF NOT FOUND THEN
      -- it was rolled back: what is left of this transaction
      SELECT dts_ddl_portable.row_number(w.ctid), w.below, w.kind, w.at, w.content, w.relation INTO place, below, kind, at, content, relation
        FROM dts_ddl_portable.note w WHERE w.transaction = txid_current() ORDER BY w.number DESC LIMIT 1;
      PERFORM setval('dts_ddl_portable.newest', coalesce(place, 0));
    END IF;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.newest_note() IS 'The newest note of this transaction that is not done with';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.add_note(v_kind text, v_at text, v_content text, v_relation oid) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_below constant bigint := coalesce((dts_ddl_portable.newest_note()).place, 0);
    v_row tid;
  BEGIN
    INSERT INTO dts_ddl_portable.note VALUES (nextval('dts_ddl_portable.note_number'), txid_current(), v_below, v_kind, v_at, v_content, v_relation)
      RETURNING note.ctid INTO v_row;
    RETURN setval('dts_ddl_portable.newest', dts_ddl_portable.row_number(v_row));
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.add_note(text, text, text, oid) IS 'Leaves a note for the end of a command';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.remove_note(v_place bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_tidscan = on AS $fn$
  DECLARE
    v_at constant tid := dts_ddl_portable.row_at(v_place);
    v_below bigint;
  BEGIN
    DELETE FROM dts_ddl_portable.note w WHERE w.ctid = v_at AND w.transaction = txid_current() RETURNING w.below INTO v_below;
    PERFORM setval('dts_ddl_portable.newest', v_below) WHERE v_below IS NOT NULL;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.remove_note(bigint) IS 'The newest note is done with';

  -- At the end of a command: takes away the notes that are its own, and tells what they say and what note is left. has_drops with dropped
  -- NULL: it has dropped what nobody knows.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.take_notes(v_context text, v_tag text,
      OUT has_drops boolean, OUT dropped text, OUT kind text, OUT content text, OUT relation oid)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_note record;
  BEGIN
    has_drops := false;
    v_note := dts_ddl_portable.newest_note();
    IF v_note.kind = 'drops' AND coalesce(v_note.at = md5(v_context), true) THEN
      has_drops := true;
      dropped := v_note.content;
      PERFORM dts_ddl_portable.remove_note(v_note.place);
      v_note := dts_ddl_portable.newest_note();
    END IF;
    -- (one that its script runs has put its own on top)
    IF v_note.kind = 'extension' AND v_tag IN ('CREATE EXTENSION', 'ALTER EXTENSION') THEN
      PERFORM dts_ddl_portable.remove_note(v_note.place);
      v_note := dts_ddl_portable.newest_note();
    END IF;
    kind := v_note.kind;
    content := v_note.content;
    relation := v_note.relation;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.take_notes(text, text) IS 'What a command has noted for its end';

  -- A command that goes through without a row. An error in here is one of the command: it must not go through untold. But where
  -- somebody has taken away what counts, users' commands are not to suffer.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.tell_gap(v_why text, v_command text) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    PERFORM nextval('dts_ddl_portable.gap_count');
    RAISE WARNING 'DDL command was not captured' USING
      DETAIL = v_why || ' Command: ' || v_command,
      HINT = 'The command itself has been carried out. SELECT dts_ddl_portable.gaps() counts such commands.';
  EXCEPTION WHEN undefined_table OR invalid_schema_name OR insufficient_privilege OR wrong_object_type THEN
    RAISE WARNING 'DDL command was not captured' USING DETAIL = v_why || ' Command: ' || v_command, HINT = 'It could not be counted, either: ' || SQLERRM;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.tell_gap(text, text) IS 'Counts and tells a command that has no row';

  -- Whether every statement of a string that can raise an event does, or a SET of the string itself says from where to where not.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.is_ordered(v_source text, v_switch text, v_conforming boolean) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_one record;
    v_from integer := 1;
    v_has_switch boolean := false;
    v_has_rollback boolean := false;
  BEGIN
    FOR i IN 1 .. 2000 LOOP
      v_one := dts_ddl_portable.next_statement(v_source, v_from, v_conforming);
      IF v_one.first IS NULL THEN
        RETURN NOT (v_has_switch AND v_has_rollback);
      ELSIF v_one.tokens[1] IN ('SET', 'RESET') AND 'SESSION_REPLICATION_ROLE' = ANY (v_one.tokens[2:3]) AND v_one.tokens[2] <> 'LOCAL' THEN
        v_has_switch := true;
      ELSIF v_one.tokens[1] IN ('ROLLBACK', 'ABORT') THEN
        v_has_rollback := true;
      ELSIF v_one.tokens[1] = 'DISCARD' THEN
        RETURN false;  -- what has been noted is forgotten
      ELSIF substr(v_source, v_one.first, v_one.next - v_one.first) ~* v_switch
            AND (array_to_string(v_one.tokens[2:3], ' ') <> 'EVENT TRIGGER' OR v_one.tokens[4] ~* 'dts_intercept') THEN
        RETURN false;
      END IF;
      v_from := v_one.next;
    END LOOP;
    RETURN false;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.is_ordered(text, text, boolean) IS 'Whether it can be told which statements of a string raise events';

  -- Exactly the statement of a command, out of the string it came in; NULL where that is not certain. v_known, place: for a string
  -- inside a function, how far it had been run (NULL: not known), and has been now (NULL: not to be noted).
  CREATE OR REPLACE FUNCTION dts_ddl_portable.cut(v_source text, v_tag text, v_name text, v_is_top boolean, v_conforming boolean, v_known integer,
      OUT statement text, OUT tokens text[], OUT top text[], OUT place integer)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    -- a position and, above it, what tells one string of one session from another
    c_positions constant bigint := 16777216;
    -- in a longer one it pays to ask first how far it has been run
    c_short constant integer := 2000;
    -- what may keep events from being raised
    c_switch constant text := E'session_replication_role|event_triggers|dts_intercept|discard|(alter|drop)\\s+event\\s+trigger';
    v_key bigint;
    v_one record;
    v_found record;
    v_is_only boolean := false;
    v_may_note boolean := octet_length(v_source) < c_positions AND (v_is_top OR v_known IS NOT NULL);
    v_is_on boolean := true;     -- events are raised; NULL: who knows
    v_is_again boolean := false;
    v_count integer := 0;
    v_from integer := 1;
    v_seen integer := 0;
    v_is_found boolean := false;
  BEGIN
    IF NOT v_is_top THEN
      v_from := coalesce(v_known, 1);
    ELSIF v_may_note AND octet_length(v_source) >= c_short THEN
      v_key := dts_ddl_portable.place_key(v_source);
      v_from := coalesce(dts_ddl_portable.noted('dts_ddl_portable.place', v_key), 1);
    END IF;
    IF v_from = 1 THEN
      v_one := dts_ddl_portable.next_statement(v_source, 1, v_conforming);
      IF v_one.first IS NULL OR NOT v_one.is_whole THEN
        RETURN;
      END IF;
      v_is_only := (dts_ddl_portable.next_statement(v_source, v_one.next, v_conforming)).first IS NULL;
    END IF;
    IF v_is_only THEN
      v_is_found := v_one.tag = v_tag AND dts_ddl_portable.is_named(v_one.tokens, v_tag, v_name);
      v_found := v_one;
    ELSE
      IF v_is_top AND v_may_note AND v_key IS NULL THEN
        v_key := dts_ddl_portable.place_key(v_source);
        v_from := coalesce(dts_ddl_portable.noted('dts_ddl_portable.place', v_key), 1);
      END IF;
      IF v_may_note AND v_from = 1 AND v_source ~* c_switch THEN
        v_may_note := dts_ddl_portable.is_ordered(v_source, c_switch, v_conforming);
        IF v_source ~* 'session_replication_role' THEN
          v_is_on := NULL;  -- at the beginning of the string they may have been off
        END IF;
      END IF;
      -- The statements of a string run one after the other, and each that can raise an event does: this is the next one. Where one
      -- has been noted, events were on.
      WHILE v_may_note LOOP
        v_one := dts_ddl_portable.next_statement(v_source, v_from, v_conforming);
        IF v_one.first IS NULL AND NOT v_is_top AND v_known > 1 AND NOT v_is_again THEN
          -- the end: the function runs its string once more
          v_is_again := true;
          v_from := 1;
          CONTINUE;
        END IF;
        EXIT WHEN v_one.first IS NULL OR NOT v_one.is_whole;
        v_from := v_one.next;
        IF v_one.tokens[1] IN ('SET', 'RESET') AND 'SESSION_REPLICATION_ROLE' = ANY (v_one.tokens[2:3]) THEN
          v_is_on := NOT EXISTS (SELECT 1 FROM unnest(v_one.tokens[3:6]) t(t) WHERE lower(btrim(t.t, '''"eE')) = 'replica');
        ELSIF v_one.tag <> '' AND v_is_on IS NOT FALSE THEN
          EXIT WHEN v_is_on IS NULL;
          v_is_found := v_one.tag = v_tag AND dts_ddl_portable.is_named(v_one.tokens, v_tag, v_name);
          v_found := v_one;
          EXIT;
        END IF;
      END LOOP;
      IF NOT v_is_found THEN
        -- otherwise it is certain where only one statement can be it
        v_from := 1;
        LOOP
          v_one := dts_ddl_portable.next_statement(v_source, v_from, v_conforming);
          EXIT WHEN v_one.first IS NULL;
          v_from := v_one.next;
          v_seen := v_seen + 1;
          IF NOT v_one.is_whole OR v_seen > 1000 THEN
            v_count := 2;
          ELSIF v_one.tag = v_tag AND dts_ddl_portable.is_named(v_one.tokens, v_tag, v_name) THEN
            v_count := v_count + 1;
            v_found := v_one;
          END IF;
          EXIT WHEN v_count > 1;
        END LOOP;
        v_is_found := v_count = 1;
      END IF;
      IF v_is_found AND v_may_note THEN
        IF v_is_top THEN
          PERFORM setval('dts_ddl_portable.place', v_key * c_positions + v_found.next);
        ELSE
          place := v_found.next;
        END IF;
      END IF;
    END IF;
    IF v_is_found THEN
      statement := substr(v_source, v_found.first, v_found.last - v_found.first);
      tokens := v_found.tokens;
      top := v_found.top;
    END IF;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.cut(text, text, text, boolean, boolean, integer) IS 'Exactly the statement of a command, out of the string it came in';

  -- Whether a statement with these tokens can be about the object of this name. Only asked where the statement must name it.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.is_named(v_tokens text[], v_tag text, v_name text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_token text;
  BEGIN
    IF v_name IS NULL
       OR v_tag !~ '^(CREATE|ALTER|DROP) (TABLE|TABLE AS|VIEW|MATERIALIZED VIEW|SEQUENCE|FUNCTION|PROCEDURE|TYPE|DOMAIN|SCHEMA|TRIGGER|POLICY|EXTENSION|FOREIGN TABLE)$'
          AND v_tag NOT IN ('COMMENT', 'ALTER INDEX', 'DROP INDEX') THEN
      RETURN true;
    END IF;
    IF v_tag = 'CREATE SCHEMA' AND v_tokens && ARRAY['CURRENT_USER', 'SESSION_USER', 'CURRENT_ROLE', 'USER'] THEN
      RETURN true;
    END IF;
    FOR i IN 1 .. coalesce(array_length(v_tokens, 1), 0) LOOP
      v_token := v_tokens[i];
      -- long names are stored cut; with U& it is not easy to tell
      IF left(v_token, 1) = '"' THEN
        IF v_token = '"' || replace(v_name, '"', '""') || '"' OR octet_length(v_token) > 60 THEN
          RETURN true;
        END IF;
      ELSIF lower(v_token) = lower(v_name) OR lower(v_token COLLATE "C") = v_name
            OR v_token = 'U' AND v_tokens[i + 1] = '&' AND left(v_tokens[i + 2], 1) = '"'
            OR octet_length(v_name) >= 60 AND left(lower(v_token COLLATE "C"), length(v_name)) = v_name THEN
        RETURN true;
      END IF;
    END LOOP;
    RETURN false;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.is_named(text[], text, text) IS 'Whether a statement with these tokens can be about the object of this name';

  -- An identifier as PostgreSQL reads it; NULL where that would take more than a look.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.identifier(v_token text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    RETURN CASE WHEN octet_length(v_token) > 60 THEN NULL
                WHEN left(v_token, 1) = '"' THEN replace(substr(v_token, 2, length(v_token) - 2), '""', '"')
                WHEN v_token ~ E'^[^\\u0001-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u007f]' THEN lower(v_token COLLATE "C") END;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.identifier(text) IS 'An identifier as PostgreSQL reads it';

  -- The objects that a GRANT or REVOKE names one by one: relations, functions, schemas. Nothing for any other form.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.granted_objects(v_tokens text[]) RETURNS TABLE (kind text, schema text, name text, arguments boolean)
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_at integer := 2;
    v_depth integer;
    v_kind text := 'TABLE';
    v_schemas text[] := ARRAY[]::text[];
    v_names text[] := ARRAY[]::text[];
    v_arguments boolean[] := ARRAY[]::boolean[];
  BEGIN
    -- ON is a reserved word: the first that is not quoted is the one
    WHILE v_tokens[v_at] <> 'ON' LOOP
      v_at := v_at + 1;
    END LOOP;
    v_at := v_at + 1;
    IF v_tokens[v_at] IN ('TABLE', 'SEQUENCE', 'FUNCTION', 'PROCEDURE', 'ROUTINE', 'SCHEMA') AND NOT v_tokens[v_at + 1] IN ('TO', 'FROM', ',', '.') THEN
      v_kind := v_tokens[v_at];
      v_at := v_at + 1;
    END IF;
    LOOP
      IF v_tokens[v_at + 1] = '.' THEN
        v_schemas := v_schemas || dts_ddl_portable.identifier(v_tokens[v_at]);
        v_names := v_names || dts_ddl_portable.identifier(v_tokens[v_at + 2]);
        v_at := v_at + 3;
        IF v_schemas[array_length(v_schemas, 1)] IS NULL THEN
          RETURN;
        END IF;
      ELSE
        v_schemas := v_schemas || NULL::text;
        -- ALL .. IN SCHEMA
        v_names := v_names || CASE WHEN v_tokens[v_at] <> 'ALL' THEN dts_ddl_portable.identifier(v_tokens[v_at]) END;
        v_at := v_at + 1;
      END IF;
      IF v_names[array_length(v_names, 1)] IS NULL THEN
        RETURN;
      END IF;
      v_arguments := v_arguments || false;
      IF v_kind IN ('FUNCTION', 'PROCEDURE', 'ROUTINE') AND v_tokens[v_at] = '(' THEN
        v_arguments[array_length(v_names, 1)] := v_tokens[v_at + 1] IS DISTINCT FROM ')';
        v_depth := 0;
        LOOP
          v_depth := v_depth + CASE v_tokens[v_at] WHEN '(' THEN 1 WHEN ')' THEN -1 ELSE 0 END;
          v_at := v_at + 1;
          EXIT WHEN v_depth = 0 OR v_tokens[v_at] IS NULL;
        END LOOP;
      END IF;
      EXIT WHEN v_tokens[v_at] IN ('TO', 'FROM');
      IF v_tokens[v_at] IS DISTINCT FROM ',' THEN
        RETURN;
      END IF;
      v_at := v_at + 1;
    END LOOP;
    FOR i IN 1 .. array_length(v_names, 1) LOOP
      kind := v_kind;
      schema := v_schemas[i];
      name := v_names[i];
      arguments := v_arguments[i];
      RETURN NEXT;
    END LOOP;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.granted_objects(text[]) IS 'The objects that a GRANT or REVOKE names one by one';

  -- Whether a name leads to a temporary relation.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.is_temporary(v_schema text, v_name text, v_path text[]) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    IF v_schema IS NOT NULL THEN
      -- nobody can give a schema such a name
      RETURN v_schema = 'pg_temp' OR left(v_schema, 8) = 'pg_temp_';
    END IF;
    -- it comes first in the path, if that does not say otherwise
    RETURN (left(v_path[1], 8) IN ('pg_temp', 'pg_temp_') OR NOT EXISTS (SELECT 1 FROM unnest(v_path) s(s) WHERE left(s.s, 8) IN ('pg_temp', 'pg_temp_')))
      AND EXISTS (SELECT 1 FROM pg_class k WHERE k.relnamespace = pg_my_temp_schema() AND k.relname = v_name);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.is_temporary(text, text, text[]) IS 'Whether a name leads to a temporary relation';

  -- Whether a CREATE or ALTER is about a temporary relation: for 9.4, which does not tell.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.is_about_temporary(v_tokens text[], v_path text[]) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    i integer := 2;
  BEGIN
    IF v_tokens[1] = 'ALTER' THEN
      i := 3;
      WHILE v_tokens[i] IN ('IF', 'EXISTS', 'ONLY') LOOP
        i := i + 1;
      END LOOP;
      RETURN coalesce(v_tokens[2] IN ('TABLE', 'VIEW', 'SEQUENCE', 'INDEX') AND CASE WHEN v_tokens[i + 1] = '.'
        THEN dts_ddl_portable.is_temporary(dts_ddl_portable.identifier(v_tokens[i]), '', v_path) ELSE dts_ddl_portable.is_temporary(NULL, dts_ddl_portable.identifier(v_tokens[i]), v_path) END, false);
    ELSIF v_tokens[1] = 'CREATE' THEN
      WHILE v_tokens[i] IN ('OR', 'REPLACE', 'GLOBAL', 'LOCAL', 'UNIQUE', 'CONSTRAINT') LOOP
        i := i + 1;
      END LOOP;
      IF v_tokens[i] IN ('INDEX', 'TRIGGER') THEN
        WHILE v_tokens[i] <> 'ON' LOOP
          i := i + 1;
        END LOOP;
        RETURN coalesce(CASE WHEN v_tokens[i + 2] = '.' THEN dts_ddl_portable.is_temporary(dts_ddl_portable.identifier(v_tokens[i + 1]), '', v_path)
          ELSE dts_ddl_portable.is_temporary(NULL, dts_ddl_portable.identifier(v_tokens[i + 1]), v_path) END, false);
      END IF;
    ELSE
      WHILE v_tokens[i - 1] <> 'INTO' LOOP
        i := i + 1;
      END LOOP;
    END IF;
    RETURN coalesce(v_tokens[i] IN ('TEMP', 'TEMPORARY') AND v_tokens[i + 1] <> '.', false)
      OR coalesce(v_tokens[i] IN ('TABLE', 'VIEW', 'SEQUENCE') AND v_tokens[i + 2] = '.' AND dts_ddl_portable.is_temporary(dts_ddl_portable.identifier(v_tokens[i + 1]), '', NULL), false);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.is_about_temporary(text[], text[]) IS 'Whether a CREATE or ALTER is about a temporary relation';

  -- Whether an object is one of the portable edition itself: its schema and what is in it, the table, and what belongs to the table.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.is_own(v_class oid, v_object oid, v_relation oid) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_schema constant oid := (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'dts_ddl_portable');
    v_of oid := v_object;      -- the relation it belongs to
  BEGIN
    IF v_class = 'pg_namespace'::regclass THEN
      RETURN v_object = c_schema;
    ELSIF v_class = 'pg_proc'::regclass THEN
      RETURN EXISTS (SELECT 1 FROM pg_proc p WHERE p.oid = v_object AND (p.pronamespace = c_schema
        OR EXISTS (SELECT 1 FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_ddl' AND e.evtfoid = p.oid)));
    ELSIF v_class = 'pg_constraint'::regclass THEN
      v_of := (SELECT o.conrelid FROM pg_constraint o WHERE o.oid = v_object);
    ELSIF v_class = 'pg_trigger'::regclass THEN
      v_of := (SELECT t.tgrelid FROM pg_trigger t WHERE t.oid = v_object);
    ELSIF v_class = 'pg_rewrite'::regclass THEN
      v_of := (SELECT w.ev_class FROM pg_rewrite w WHERE w.oid = v_object);
    ELSIF v_class = 'pg_attrdef'::regclass THEN
      v_of := (SELECT a.adrelid FROM pg_attrdef a WHERE a.oid = v_object);
    ELSIF v_class = 'pg_policy'::regclass THEN
      v_of := (SELECT p.polrelid FROM pg_policy p WHERE p.oid = v_object);
    ELSIF v_class <> 'pg_class'::regclass THEN
      RETURN false;
    END IF;
    RETURN EXISTS (SELECT 1 FROM pg_class k WHERE k.oid = v_of AND (k.oid = v_relation OR k.relnamespace = c_schema
        OR EXISTS (SELECT 1 FROM pg_index x WHERE x.indexrelid = k.oid AND x.indrelid = v_relation)
        OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = k.oid AND d.refclassid = 'pg_class'::regclass
                      AND d.refobjid = v_relation AND d.deptype IN ('a', 'i') AND k.relkind = 'S')));
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.is_own(oid, oid, oid) IS 'Whether an object is one of the portable edition itself';

  -- The context of a nested command, as PG_CONTEXT gives it without its first line: the innermost statement, and what it is inside of.
  -- The wording follows lc_messages and is learnt where it is not English.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.tell_context() RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_context text;
  BEGIN
    GET DIAGNOSTICS v_context = PG_CONTEXT;
    RETURN v_context;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.tell_context() IS 'From where it is called, in the words of this server';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.innermost(v_context text, v_conforming boolean, v_known integer,
      OUT source text, OUT inside text[], OUT upto integer)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_call constant text := 'SELECT dts_ddl_portable.tell_context()';
    v_before text := 'SQL statement "';
    v_behind text := '"';
    v_function text := 'PL/pgSQL function ';
    v_sample text;
    v_body text;
    v_rest text;
    v_at integer := 0;
    v_found integer;
    v_from integer;
    v_is_clean boolean;
    v_one record;
    v_parts text[];
    v_count bigint;
  BEGIN
    IF left(v_context, length(v_before)) <> v_before AND v_context !~ '^SQL function "' THEN
      EXECUTE c_call INTO v_sample;
      v_function := substr(v_sample, 1, strpos(v_sample, 'dts_ddl_portable') - 1);
      v_sample := split_part(v_sample, E'\n', 2);
      v_found := strpos(v_sample, c_call);
      v_before := left(v_sample, v_found - 1);
      v_behind := substr(v_sample, v_found + length(c_call));
    END IF;
    v_rest := v_context;
    IF v_before <> '' AND v_behind <> '' AND left(v_context, length(v_before)) = v_before THEN
      v_body := substr(v_context, length(v_before) + 1);
      IF v_known IS NOT NULL THEN
        v_at := v_known;
        source := left(v_body, v_at - 1);
        v_rest := substr(v_body, v_at + length(v_behind));
      END IF;
      -- its end: the first place where the text is complete and the context goes on as PostgreSQL writes it
      FOR i IN 1 .. 100 LOOP
        EXIT WHEN source IS NOT NULL;
        v_found := strpos(substr(v_body, v_at + 1), v_behind);
        EXIT WHEN v_found = 0;
        v_at := v_at + v_found;
        v_rest := substr(v_body, v_at + length(v_behind));
        CONTINUE WHEN v_rest <> '' AND left(v_rest, length(v_function) + 1) <> (E'\n' || v_function)
                  AND v_rest !~ E'^\n(PL/|SQL (function|statement|expression) "|SQL function |COPY |extension script )'
                  AND left(v_rest, length(v_before) + 1) <> (E'\n' || v_before);
        v_from := 1;
        v_is_clean := true;
        WHILE v_is_clean AND v_from < v_at LOOP
          v_one := dts_ddl_portable.next_statement(left(v_body, v_at - 1), v_from, v_conforming);
          v_from := v_one.next;
          v_is_clean := v_one.is_whole;
        END LOOP;
        IF v_is_clean THEN
          source := left(v_body, v_at - 1);
        END IF;
      END LOOP;
      upto := v_at;
      IF source IS NULL THEN
        v_rest := '';
      END IF;
    ELSIF v_context ~ '^SQL function "' THEN
      -- the function's text is in the catalog, if its name is unique
      v_parts := regexp_matches(v_context, E'^SQL function "([^\n]*)" (?:statement ([0-9]+)|during startup)');
      SELECT count(*), min(p.prosrc) INTO v_count, source FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
       WHERE p.proname = v_parts[1] AND l.lanname = 'sql';
      IF v_count <> 1 OR v_parts[2] IS NULL THEN
        source := NULL;
      ELSE
        v_body := source;
        source := NULL;
        v_from := 1;
        FOR i IN 1 .. v_parts[2]::integer LOOP
          v_one := dts_ddl_portable.next_statement(v_body, v_from, v_conforming);
          EXIT WHEN v_one.first IS NULL;
          v_from := v_one.next;
          IF i = v_parts[2]::integer THEN
            source := substr(v_body, v_one.first, v_one.last - v_one.first);
          END IF;
        END LOOP;
      END IF;
    END IF;
    SELECT array_agg(left(l.line, 300) ORDER BY l.n) INTO inside FROM (
      SELECT s.line, row_number() OVER () AS n FROM unnest(string_to_array(ltrim(v_rest, E'\n'), E'\n')) s(line)) l
     WHERE l.n <= 200 AND (left(l.line, length(v_function)) = v_function OR l.line ~ '^(PL/[A-Za-z]+ (function|anonymous code block)|SQL function ")');
    inside := inside[1:16];
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.innermost(text, boolean, integer) IS 'Text and surroundings of a command that ran inside a function or block';

  -- Secrets become '********': the options of user mappings but user, options of servers and the like that look like a password,
  -- connection strings of subscriptions. v_strict, for a string whose statements cannot be told apart: all options, and passwords of roles.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.redact(v_text text, v_tag text, v_strict boolean, v_conforming boolean, OUT result text, OUT hidden integer)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_name constant text := E'pass|pwd|secret|token|credential|api.?key|access.?key|private.?key|authorization';
    c_value constant text := E'(password|pwd)\\s*=|://[^/\\s:@]*:[^/\\s@]+@';
    l record;
    v_from integer := 1;
    v_done integer := 1;
    v_count integer;
    v_options integer;       -- depth of the list of options we are in
    v_before text := '';
    v_name text := '';
    v_kind text := '';       -- of the token before
    v_is_hidden boolean;     -- it was
    v_at integer;            -- where U&'..' begins
  BEGIN
    hidden := 0;
    result := '';
    LOOP
      v_count := 0;
      v_options := NULL;
      FOR l IN SELECT * FROM dts_ddl_portable.lex(v_text, v_from, v_conforming) LOOP
        v_count := v_count + 1;
        v_from := l.upto;
        -- U&'..' UESCAPE '.' is one constant
        IF l.kind = 'w' AND l.token = 'U' AND substr(v_text, l.upto, 2) = '&''' THEN
          v_at := l.at;
          CONTINUE;
        ELSIF v_at IS NOT NULL AND l.token = '&' THEN
          CONTINUE;
        ELSIF v_kind = 'l' AND l.kind = 'w' AND l.token = 'UESCAPE' THEN
          v_kind := 'u';
          CONTINUE;
        ELSIF v_kind = 'u' AND l.kind = 'l' THEN
          v_done := CASE WHEN v_is_hidden THEN l.upto ELSE v_done END;
          CONTINUE;
        END IF;
        v_kind := l.kind;
        v_is_hidden := false;
        IF l.token = '(' AND v_before = 'OPTIONS' THEN
          v_options := l.depth;
        ELSIF v_options IS NOT NULL AND l.depth < v_options THEN
          v_options := NULL;
        ELSIF l.kind IN ('w', 'i') THEN
          v_name := l.token;
        ELSIF l.kind IN ('l', '!') AND (
            v_options IS NOT NULL AND (
              (v_strict OR v_tag LIKE '% USER MAPPING') AND lower(btrim(v_name, '"')) NOT IN ('user', 'username')
              OR lower(v_name) ~ c_name OR lower(l.token) ~ c_value)
            OR (v_strict OR v_tag LIKE '% SUBSCRIPTION') AND v_before = 'CONNECTION'
            OR v_strict AND v_before = 'PASSWORD') THEN
          result := result || substr(v_text, v_done, coalesce(v_at, l.at) - v_done) || '''********''';
          v_done := l.upto;
          hidden := hidden + 1;
          v_is_hidden := true;
        END IF;
        v_at := NULL;
        -- a constant may go on in the next line
        v_before := CASE WHEN l.kind = 'l' THEN v_before ELSE l.token END;
      END LOOP;
      EXIT WHEN v_count = 0;
    END LOOP;
    result := result || substr(v_text, v_done);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.redact(text, text, boolean, boolean) IS 'A text without its secrets, and their number';

  -- A setting that may not exist: asking for it so is possible from 9.6 on.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.setting(v_name text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  BEGIN
    IF current_setting('server_version_num')::integer >= 90600 THEN
      RETURN current_setting(v_name, true);
    END IF;
    RETURN current_setting(v_name);
  EXCEPTION WHEN undefined_object THEN
    RETURN NULL;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.setting(text) IS 'A setting, NULL where there is none of this name';

  -- A new table takes part in replication at once. Catalogs that a version lacks are named in branches that it does not take, and so
  -- never looks up. What does not succeed is no reason for the user's command to fail.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.publish(v_table oid,
      OUT is_full boolean, OUT joined text[], OUT sent_by text[], OUT failed text[])
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_version constant integer := current_setting('server_version_num')::integer;
    v_name text;
    v_kind "char";
    v_has boolean;
    v_publication record;
    v_note bigint;
  BEGIN
    is_full := false;
    joined := ARRAY[]::text[];
    failed := ARRAY[]::text[];
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind INTO v_name, v_kind
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = v_table;
    -- what is done here is nobody's DDL
    v_note := dts_ddl_portable.add_note('own command', NULL, NULL, v_table);
    -- from 18 on UPDATE fails when the identity has a generated column
    v_has := false;
    IF c_version >= 180000 THEN
      v_has := EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = v_table AND a.attgenerated <> '' AND NOT a.attisdropped);
    END IF;
    IF NOT v_has THEN
      BEGIN
        EXECUTE 'ALTER TABLE ' || v_name || ' REPLICA IDENTITY FULL';
        is_full := true;
      EXCEPTION WHEN OTHERS THEN
        failed := failed || ('REPLICA IDENTITY FULL: ' || SQLERRM);
      END;
    END IF;
    -- Partitioned tables can be published from 13 on; their partitions always. Only publications of the owner of this, or of a
    -- superuser: anybody else who makes one, and locks it, would make everybody wait.
    IF c_version >= 100000 AND (v_kind = 'r' OR c_version >= 130000) THEN
      FOR v_publication IN
          SELECT p.oid, p.pubname FROM pg_publication p JOIN pg_roles r ON r.oid = p.pubowner
           WHERE left(p.pubname::text, 9) = 'dts_sync_' AND NOT p.puballtables AND (r.rolsuper OR r.rolname = current_user) ORDER BY p.pubname LOOP
        IF c_version >= 150000 THEN
          CONTINUE WHEN EXISTS (SELECT 1 FROM pg_publication_namespace s JOIN pg_class c ON c.relnamespace = s.pnnspid
                                 WHERE s.pnpubid = v_publication.oid AND c.oid = v_table);
        END IF;
        BEGIN
          EXECUTE 'ALTER PUBLICATION ' || quote_ident(v_publication.pubname) || ' ADD TABLE ' || CASE WHEN v_kind = 'r' THEN 'ONLY ' ELSE '' END || v_name;
          joined := joined || v_publication.pubname::text;
        EXCEPTION WHEN OTHERS THEN
          failed := failed || ('publication ' || quote_ident(v_publication.pubname) || ': ' || SQLERRM);
        END;
      END LOOP;
      IF EXISTS (SELECT 1 FROM pg_publication) THEN
        SELECT array_agg(t.pubname::text ORDER BY t.pubname) INTO sent_by FROM pg_publication_tables t JOIN pg_class c ON c.relname = t.tablename
          JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = t.schemaname WHERE c.oid = v_table;
      END IF;
    END IF;
    PERFORM dts_ddl_portable.remove_note(v_note);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.publish(oid) IS 'REPLICA IDENTITY FULL and the publications whose name begins with dts_sync_';

  -- CREATE TABLE AS and SELECT INTO as what another server can run without computing rows again.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.plain_create_table(v_table oid) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $fn$
  DECLARE
    v_columns text;
    v_result text;
    v_access text;
  BEGIN
    SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
             || CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
                     THEN (SELECT ' COLLATE ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname)
                             FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation)
                     ELSE '' END, ', ' ORDER BY a.attnum)
      INTO v_columns
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = v_table AND a.attnum > 0 AND NOT a.attisdropped;
    IF current_setting('server_version_num')::integer >= 120000 THEN
      EXECUTE 'SELECT '' USING '' || quote_ident(m.amname) FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE c.oid = $1
                AND (m.amname <> ''heap'' OR current_setting(''default_table_access_method'') <> ''heap'')'
        INTO v_access USING v_table;
    END IF;
    SELECT CASE c.relpersistence WHEN 'u' THEN 'CREATE UNLOGGED TABLE ' ELSE 'CREATE TABLE ' END
           || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' (' || coalesce(v_columns, '') || ')' || coalesce(v_access, '')
           || coalesce(' WITH (' || (SELECT string_agg(quote_ident(split_part(o, '=', 1)) || ' = ' || quote_literal(substr(o, strpos(o, '=') + 1)), ', ')
                                       FROM unnest(c.reloptions) o) || ')', '')
           || coalesce((SELECT ' TABLESPACE ' || quote_ident(s.spcname) FROM pg_tablespace s WHERE s.oid = c.reltablespace), '')
      INTO v_result
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = v_table;
    RETURN v_result;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.plain_create_table(oid) IS 'A table as a plain CREATE TABLE';

  -- Whether IF [NOT] EXISTS left nothing to do, where PostgreSQL tells of a command all the same: all parts of the ALTER are guarded
  -- in this way, and nothing in the catalog is as young as the transaction. (A row of this transaction cannot look older; one of
  -- another may look as young: then the command is recorded, which does no harm.)
  CREATE OR REPLACE FUNCTION dts_ddl_portable.did_nothing(v_tag text, v_tokens text[], v_objid oid) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    -- words only: what stands in quotes could be anything
    v_text constant text := (SELECT string_agg(CASE WHEN t.t ~ '^["''$]|^[eE]''' THEN '?' ELSE t.t END, ' ') FROM unnest(v_tokens) t(t));
    v_guarded integer;
  BEGIN
    IF v_objid IS NULL OR array_length(v_tokens, 1) >= 300 THEN
      RETURN false;
    ELSIF v_tag = 'ALTER TYPE' THEN
      RETURN v_text ~ '^ALTER TYPE [^ ]+( [.] [^ ]+)? ADD VALUE IF NOT EXISTS '
        AND NOT EXISTS (SELECT 1 FROM pg_enum e WHERE e.enumtypid = v_objid AND age(e.xmin) <= 0);
    ELSIF v_tag IN ('ALTER TABLE', 'ALTER FOREIGN TABLE') THEN
      v_guarded := (SELECT count(*) FROM regexp_matches(v_text, ' (ADD COLUMN|ADD|DROP COLUMN|DROP CONSTRAINT|DROP) IF (NOT )?EXISTS ', 'g'));
      RETURN v_guarded > 0
        -- one part, without a list of columns or a second part that is not guarded
        AND v_guarded = 1 + (SELECT count(*) FROM regexp_matches(regexp_replace(v_text, E'\\([^()]*\\)', '', 'g'), ',', 'g'))
        AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = v_objid AND age(a.xmin) <= 0)
        AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conrelid = v_objid AND age(o.xmin) <= 0);
    END IF;
    RETURN false;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.did_nothing(text, text[], oid) IS 'Whether an ALTER with IF [NOT] EXISTS changed nothing';

  -- Keeps the rows with the newest 10,000 ids: with every 64th id those beyond go. Nobody waits, and nothing is counted. Rows that another transaction is
  -- about to delete are passed over: it can stay open as long as it likes, and keeps nobody from deleting others.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.prune(v_newest bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_rows constant integer := 10000;
    c_round constant integer := 64;
    c_can_skip constant boolean := current_setting('server_version_num')::integer >= 90500;
    c_oldest constant bigint := txid_snapshot_xmin(txid_current_snapshot());
    c_last constant bigint := v_newest - (c_rows - c_round);
    v_done bigint := 0;
    v_ids bigint[];
    v_rounds integer := 0;
  BEGIN
    IF v_newest % c_round <> 0 THEN
      RETURN;
    END IF;
    -- what transactions have left that are over
    BEGIN
      EXECUTE 'DELETE FROM dts_ddl_portable.places w WHERE w.number IN (
                 SELECT o.number FROM dts_ddl_portable.places o WHERE o.transaction < $1 FOR UPDATE ' || CASE WHEN c_can_skip THEN 'SKIP LOCKED)' ELSE 'NOWAIT)' END
        USING c_oldest;
    EXCEPTION WHEN OTHERS THEN
      NULL;  -- in REPEATABLE READ others may have been faster
    END;
    IF c_last < 1 THEN
      RETURN;
    END IF;
    IF c_can_skip THEN
      EXECUTE 'DELETE FROM dts_ddl_portable.rows c WHERE c.id IN (
                 SELECT o.id FROM dts_ddl_portable.rows o WHERE o.id <= $1 ORDER BY o.id LIMIT 2000 FOR UPDATE SKIP LOCKED)' USING c_last;
      RETURN;
    END IF;
    WHILE v_rounds < 2000 / c_round LOOP
      SELECT array_agg(o.id), max(o.id) INTO v_ids, v_done
        FROM (SELECT r.id FROM dts_ddl_portable.rows r WHERE r.id > v_done AND r.id <= c_last ORDER BY r.id LIMIT c_round) o;
      EXIT WHEN v_done IS NULL;
      BEGIN
        PERFORM 1 FROM dts_ddl_portable.rows r WHERE r.id = ANY (v_ids) FOR UPDATE NOWAIT;
        DELETE FROM dts_ddl_portable.rows r WHERE r.id = ANY (v_ids);
        v_rounds := v_rounds + 1;
      EXCEPTION WHEN lock_not_available THEN
        NULL;  -- the next ones
      END;
    END LOOP;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.prune(bigint) IS 'Deletes what is beyond the newest 10,000 ids, once in a while';

  CREATE OR REPLACE FUNCTION dts_ddl_portable.gaps() RETURNS bigint
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM dts_ddl_portable.gap_count s
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.gaps() IS 'Number of DDL commands that went through without a row';

  -- ddl_command_end, before dts_capture_ddl(): the only function that runs as the user, with the user's search_path. Looks nothing up by name.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.note_caller() RETURNS event_trigger LANGUAGE plpgsql AS $fn$
  BEGIN
    PERFORM pg_catalog.set_config('dts_ddl_portable.caller',
      pg_catalog.json_build_object('user', current_user, 'path', pg_catalog.current_schemas(false))::pg_catalog.text, true);
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.note_caller() IS 'Notes who runs a DDL command, and with which search_path; looks nothing up by name';

  -- ddl_command_start: a command holds the table's lock from its beginning, so that whoever locks the table (to move to another
  -- edition, to take a snapshot) has waited for all DDL that is running, and new DDL waits for him. Tells that nothing will follow.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.begin_command() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_context text;
  BEGIN
    -- (no transaction id is taken here: DROP INDEX CONCURRENTLY would refuse)
    IF EXISTS (SELECT 1 FROM dts_ddl_portable.own w WHERE w.relation = to_regclass('public.dts_ddl_command')) THEN
      LOCK TABLE ONLY public.dts_ddl_command IN ROW EXCLUSIVE MODE;
    END IF;
    -- whoever may drop the function (the owner of schema public) takes the event trigger along, and nothing else is left to tell
    IF NOT EXISTS (SELECT 1 FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_ddl') THEN
      PERFORM dts_ddl_portable.tell_gap('event trigger "dts_intercept_ddl" does not exist.', tg_tag);
    END IF;
    GET DIAGNOSTICS v_context = PG_CONTEXT;
    v_context := substr(v_context, strpos(v_context || E'\n', E'\n'));
    IF v_context = '' AND tg_tag <> 'DROP INDEX' THEN
      -- no command is under way, so there is no note: said once in a session. (It takes a transaction id.)
      BEGIN
        PERFORM currval('dts_ddl_portable.newest');
      EXCEPTION WHEN object_not_in_prerequisite_state THEN
        PERFORM setval('dts_ddl_portable.newest', 0);
      END;
    END IF;
    IF tg_tag IN ('CREATE EXTENSION', 'ALTER EXTENSION') THEN
      PERFORM dts_ddl_portable.add_note('extension', NULL, v_context, NULL);
    END IF;
  EXCEPTION WHEN OTHERS THEN
    NULL;  -- dts_capture_ddl() will tell
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.begin_command() IS 'Locks the capture table as a writer until the transaction ends';

  -- sql_drop: only this event can tell the objects; they wait for dts_capture_ddl(), which follows at once.
  CREATE OR REPLACE FUNCTION dts_ddl_portable.note_drops() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    v_objects text;
    v_context text;
    v_at text;
    v_is_missing boolean;
    v_why text;
  BEGIN
    -- Another event trigger may run DDL between this and dts_capture_ddl(): each command finds its own by where it is run from.
    GET DIAGNOSTICS v_context = PG_CONTEXT;
    v_context := substr(v_context, strpos(v_context || E'\n', E'\n'));
    v_at := md5(v_context);
    -- the event trigger that follows; its function cannot be dropped without it
    v_is_missing := NOT EXISTS (SELECT 1 FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_ddl');
    IF current_setting('server_version_num')::integer >= 90500 THEN
      -- row types and array types go without saying
      EXECUTE $query$
        WITH d AS (SELECT row_number() OVER () AS n, x.* FROM pg_event_trigger_dropped_objects() x)
        SELECT json_agg(json_build_object('type', d.object_type, 'schema', coalesce(d.schema_name,
                          CASE WHEN d.object_type IN ('trigger', 'rule', 'policy', 'default value') THEN d.address_names[1] END),
                        'name', CASE WHEN d.object_type NOT IN ('cast', 'transform', 'user mapping', 'default acl', 'default value')
                                     THEN coalesce(d.object_name, d.address_names[array_upper(d.address_names, 1)]) END,
                        'identity', d.object_identity, 'original', d.original,
                        'temporary', d.is_temporary OR coalesce(left(d.schema_name, 8) IN ('pg_temp', 'pg_temp_'), false)
                           OR (d.object_type IN ('trigger', 'rule', 'policy', 'default value') AND coalesce(left(d.address_names[1], 8) IN ('pg_temp', 'pg_temp_'), false)),
                        'own', d.schema_name = 'dts_ddl_portable' OR (d.object_type = 'schema' AND d.address_names[1] = 'dts_ddl_portable')
                           OR (d.address_names[1] = 'public' AND d.address_names[2] = 'dts_ddl_command'
                               AND d.object_type IN ('table', 'table column', 'table constraint', 'trigger', 'rule', 'policy', 'default value'))
                           OR (d.address_names[1] = 'public' AND d.address_names[2] = 'dts_ddl_command_id_seq' AND d.object_type = 'sequence')
                           OR (d.object_type = 'function' AND d.address_names[1] = 'public' AND d.address_names[2] = 'dts_capture_ddl' AND d.address_args = '{}' AND $1)
                           OR (d.object_type = 'index' AND d.address_names[1] = 'public' AND EXISTS (SELECT 1 FROM d r WHERE r.schema_name = 'public' AND r.object_name = 'dts_ddl_command' AND r.object_type = 'table')))
                        ORDER BY d.n)::text
          FROM d
         WHERE coalesce(left(d.schema_name, 8), '') <> 'pg_toast'
           AND (d.original OR d.object_type <> 'type' OR NOT EXISTS (
                  SELECT 1 FROM d r WHERE (r.object_type IN ('table', 'foreign table', 'view', 'materialized view', 'composite type', 'sequence')
                       OR r.object_type = 'type' AND r.original)
                     AND (r.object_identity = d.object_identity OR r.object_identity || '[]' = d.object_identity)))
      $query$ INTO v_objects USING v_is_missing;
    ELSE
      -- (9.4 does not report temporary relations, but what is on them)
      EXECUTE $query$
        SELECT json_agg(json_build_object('type', d.object_type, 'schema', d.schema_name, 'name', d.object_name, 'identity', d.object_identity,
                        'temporary', d.object_identity ~ ' on "?pg_temp(_[0-9]+)?"?[.]("([^"]|"")*"|[^" ]+)$', 'own', d.schema_name = 'dts_ddl_portable' OR (d.object_type = 'schema' AND d.object_name = 'dts_ddl_portable')
                           OR (d.schema_name = 'public' AND ((d.object_type = 'table' AND d.object_name = 'dts_ddl_command') OR (d.object_type = 'sequence' AND d.object_name = 'dts_ddl_command_id_seq')
                             OR (d.object_type = 'function' AND d.object_identity IN ('public.dts_capture_ddl()', '"public"."dts_capture_ddl"()') AND $1)))))::text
          FROM pg_event_trigger_dropped_objects() d WHERE coalesce(left(d.schema_name, 8), '') <> 'pg_toast'
      $query$ INTO v_objects USING v_is_missing;
    END IF;
    IF v_is_missing THEN
      -- nobody will ask for the note; for the commands that follow, begin_command() tells
      IF v_objects ~ '[.]"?dts_capture_ddl' THEN
        PERFORM dts_ddl_portable.tell_gap('event trigger "dts_intercept_ddl" has been dropped with its function.', tg_tag);
      END IF;
      RETURN;
    END IF;
    PERFORM dts_ddl_portable.add_note('drops', v_at, coalesce(v_objects, '[]'), NULL);
  EXCEPTION WHEN OTHERS THEN
    v_why := SQLERRM;
    BEGIN
      -- the row will say that they are not known
      PERFORM dts_ddl_portable.add_note('drops', v_at, NULL, NULL);
    EXCEPTION WHEN OTHERS THEN
      PERFORM dts_ddl_portable.tell_gap(v_why, tg_tag);
    END;
  END
  $fn$;
  COMMENT ON FUNCTION dts_ddl_portable.note_drops() IS 'Notes the objects that a DDL command drops';

  -- ddl_command_end: the row.
  CREATE OR REPLACE FUNCTION public.dts_capture_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fn$
  DECLARE
    c_version constant integer := current_setting('server_version_num')::integer;
    -- settings that change what a DDL command means, with the default that a row means when it does not name them
    c_settings constant text[] := ARRAY['DateStyle', 'IntervalStyle', 'TimeZone', 'array_nulls', 'backslash_quote', 'bytea_output',
      'check_function_bodies', 'default_tablespace', 'default_text_search_config', 'extra_float_digits', 'lc_monetary', 'lc_numeric',
      'lc_time', 'lo_compat_privileges', 'quote_all_identifiers', 'timezone_abbreviations',
      'transform_null_equals', 'xmlbinary', 'xmloption']
      || CASE WHEN c_version < 190000 THEN ARRAY['standard_conforming_strings'] ELSE ARRAY[]::text[] END
      || CASE WHEN c_version < 120000 THEN ARRAY['default_with_oids'] ELSE ARRAY['default_table_access_method'] END
      || CASE WHEN c_version >= 140000 THEN ARRAY['default_toast_compression'] ELSE ARRAY[]::text[] END
      || CASE WHEN c_version >= 160000 THEN ARRAY['createrole_self_grant'] ELSE ARRAY[]::text[] END;
    c_defaults constant text[] := ARRAY['ISO, MDY', 'postgres', 'GMT', 'on', 'safe_encoding', 'hex',
      'on', '', 'pg_catalog.simple', '1', 'C', 'C',
      'C', 'off', 'off', 'Default',
      'off', 'base64', 'content']
      || CASE WHEN c_version < 190000 THEN ARRAY['on'] ELSE ARRAY[]::text[] END
      || CASE WHEN c_version < 120000 THEN ARRAY['off'] ELSE ARRAY['heap'] END
      || CASE WHEN c_version >= 140000 THEN ARRAY['pglz'] ELSE ARRAY[]::text[] END
      || CASE WHEN c_version >= 160000 THEN ARRAY[''] ELSE ARRAY[]::text[] END;
    v_relation oid;
    v_note record;
    v_caller json;
    v_path text[];
    v_context text;
    v_line integer;
    v_is_top boolean;
    v_source text;
    v_conforming boolean;
    v_inner record;
    v_inside text[];
    v_point text;                   -- of the code, from where the command is run
    v_places text;
    v_known integer[];
    v_cut record;
    v_text text;
    v_whole boolean := false;
    v_tag text := tg_tag;
    v_original text;
    v_redacted record;
    v_hidden integer := 0;
    v_dropped json := '[]';
    v_has_drops boolean;
    v_is_untold boolean := false;   -- what it dropped is not known
    c record;
    o record;
    p record;
    v_objects text[] := ARRAY[]::text[];
    v_removed text[] := ARRAY[]::text[];
    v_flags text[] := ARRAY[]::text[];
    v_failed text[] := ARRAY[]::text[];
    v_full text[] := ARRAY[]::text[];
    v_joined text[] := ARRAY[]::text[];
    v_published text[] := ARRAY[]::text[];
    v_undecoded text[] := ARRAY[]::text[];
    v_new_tables oid[] := ARRAY[]::oid[];
    v_all text;
    v_count integer := 0;           -- objects that are not temporary
    v_members integer := 0;
    v_temporary integer := 0;
    v_own integer := 0;
    v_local integer := 0;
    v_seen integer := 0;
    v_main_type text;
    v_main_identity text;
    v_main_name text;
    v_main_is_tag boolean := false;
    v_main_oid oid;
    v_schema text;
    v_name text;
    v_op text;
    v_reason text;
    v_settings text;
    v_setting text;
    v_has boolean;
    v_id bigint;
    v_message text;
    v_why text;
  BEGIN
    -- A failure in here must not be one of the user's command: it is counted and told in a WARNING. That needs a subtransaction;
    -- its changes are decoded at their place, in the order of WAL.
    GET DIAGNOSTICS v_context = PG_CONTEXT;
    v_context := substr(v_context, strpos(v_context || E'\n', E'\n'));
    v_note := dts_ddl_portable.take_notes(v_context, tg_tag);
    v_is_untold := v_note.has_drops AND v_note.dropped IS NULL;
    v_dropped := coalesce(v_note.dropped, '[]')::json;
    IF v_note.kind = 'own command' THEN
      -- publish() expects commands about this table, and nothing else
      IF tg_tag = 'ALTER TABLE' THEN
        IF NOT EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands() d WHERE d.classid <> 'pg_class'::regclass OR d.objid <> v_note.relation) THEN
          RETURN;
        END IF;
      ELSIF tg_tag = 'ALTER PUBLICATION' THEN
        IF NOT EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands() d WHERE NOT EXISTS (
                         SELECT 1 FROM pg_publication_rel r WHERE d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid AND r.prrelid = v_note.relation)) THEN
          RETURN;
        END IF;
      END IF;
    ELSIF v_note.kind = 'extension' AND (c_version < 90500 OR v_note.has_drops) AND right(v_context, length(v_note.content)) = v_note.content
          AND position(E'\nPL/' IN left(v_context, length(v_context) - length(v_note.content))) = 0 THEN
      -- of its script. (What else a script runs, PostgreSQL tells itself. From 18 on a script has lines of its own in the context.)
      RETURN;
    END IF;
    -- what the function before this one has noted
    IF (SELECT count(DISTINCT e.evtenabled) <> 1 OR count(*) <> 2 OR bool_or(e.evtenabled NOT IN ('O', 'A')) FROM pg_event_trigger e
         WHERE e.evtname IN ('dts_intercept_caller', 'dts_intercept_ddl')) THEN
      RAISE EXCEPTION 'event trigger "dts_intercept_caller" is missing or disabled';
    END IF;
    v_caller := dts_ddl_portable.setting('dts_ddl_portable.caller')::json;
    PERFORM set_config('dts_ddl_portable.caller', '', true);
    v_path := ARRAY(SELECT s.s FROM json_array_elements_text(v_caller -> 'path') s(s));
    SELECT w.relation::oid INTO v_relation FROM dts_ddl_portable.own w;

    -- What was touched, and what the command is mainly about.
    IF c_version >= 90500 THEN
      BEGIN
        FOR c IN
            SELECT d.classid, d.objid, d.objsubid, d.command_tag, d.object_type, d.schema_name, d.object_identity, d.in_extension,
                   a.object_names
              FROM pg_event_trigger_ddl_commands() d
              LEFT JOIN LATERAL pg_identify_object_as_address(d.classid, d.objid, d.objsubid) a ON d.objid IS NOT NULL LOOP
          v_seen := v_seen + 1;
          IF c.in_extension THEN
            v_members := v_members + 1;
            CONTINUE;
          END IF;
          v_schema := coalesce(c.schema_name, CASE WHEN c.object_type IN ('trigger', 'rule', 'policy', 'default value') THEN c.object_names[1] END);
          v_name := CASE WHEN c.object_type IN ('cast', 'transform', 'user mapping', 'default acl', 'default value') THEN NULL
                         WHEN c.classid = 'pg_type'::regclass THEN (SELECT t.typname::text FROM pg_type t WHERE t.oid = c.objid)
                         ELSE c.object_names[array_upper(c.object_names, 1)] END;
          IF left(v_schema, 8) IN ('pg_temp', 'pg_temp_') THEN
            v_temporary := v_temporary + 1;
            v_removed := v_removed || c.object_identity;
            CONTINUE;
          END IF;
          v_count := v_count + 1;
          v_own := v_own + CASE WHEN dts_ddl_portable.is_own(c.classid, c.objid, v_relation) THEN 1 ELSE 0 END;
          v_local := v_local + CASE WHEN c.object_type ~ '^(publication|subscription|large object)' THEN 1 ELSE 0 END;
          IF c.command_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') AND c.object_type = 'table' THEN
            v_new_tables := v_new_tables || c.objid;
          END IF;
          IF v_main_type IS NULL OR NOT v_main_is_tag AND c.command_tag = tg_tag THEN
            v_main_type := c.object_type;
            v_main_identity := c.object_identity;
            v_main_name := v_name;
            v_main_is_tag := c.command_tag = tg_tag;
            v_main_oid := c.objid;
          END IF;
          v_op := CASE WHEN c.command_tag ~ '^(CREATE |SELECT INTO|IMPORT FOREIGN SCHEMA)' THEN 'create' ELSE 'alter' END;
          v_message := '{"op":"' || v_op || '","type":' || to_json(CASE WHEN c.objid IS NULL THEN lower(c.object_type) ELSE c.object_type END)::text
            || coalesce(',"identity":' || to_json(c.object_identity)::text, '') || coalesce(',"schema":' || to_json(v_schema)::text, '')
            || coalesce(',"name":' || to_json(v_name)::text, '') || '}';
          IF NOT v_message = ANY (v_objects) THEN
            v_objects := v_objects || v_message;
          END IF;
        END LOOP;
      EXCEPTION WHEN OTHERS THEN
        -- up to 13: an object that was made and dropped by one command
        v_flags := v_flags || 'objects unknown'::text;
        v_count := v_count + 1;
      END;
    ELSE
      v_flags := v_flags || 'objects unknown'::text;
    END IF;
    IF v_members > 0 AND v_count = 0 AND v_temporary = 0 THEN
      RETURN;  -- of an extension's script
    END IF;
    v_has_drops := v_dropped::text <> '[]';
    IF v_is_untold THEN
      v_flags := v_flags || 'objects unknown'::text;
      v_count := v_count + 1;
      v_reason := 'what the command dropped could not be told';
    END IF;
    IF v_has_drops AND NOT v_main_is_tag THEN
      -- a DROP is about the first object that it names; asked again below, when the statement is known
      SELECT d.x ->> 'type' AS type, d.x ->> 'identity' AS identity, d.x ->> 'name' AS name INTO o
        FROM (SELECT e.x, row_number() OVER () AS n FROM json_array_elements(v_dropped) e(x)) d
       WHERE coalesce((d.x ->> 'original')::boolean, true) AND NOT (d.x ->> 'temporary')::boolean ORDER BY d.n LIMIT 1;
      IF o.type IS NOT NULL AND v_main_type IS NULL THEN
        v_main_type := o.type;
        v_main_identity := o.identity;
        v_main_name := o.name;
      END IF;
    END IF;

    -- The statement.
    v_conforming := CASE WHEN c_version >= 190000 THEN true ELSE current_setting('standard_conforming_strings') = 'on' END;
    v_is_top := v_context = '';
    IF v_is_top THEN
      v_source := current_query();
      IF dts_ddl_portable.known_places() IS NULL THEN
        PERFORM dts_ddl_portable.note_places('');  -- no function is at work here: known again
      END IF;
    ELSE
      v_point := ' ' || left(md5(v_context), 16) || ':';
      v_places := dts_ddl_portable.known_places();
      v_known := string_to_array(substring(v_places FROM v_point || '([0-9]+:[0-9]+)'), ':')::integer[];
      v_inner := dts_ddl_portable.innermost(substr(v_context, 2), v_conforming, v_known[1]);
      v_source := v_inner.source;
      v_inside := v_inner.inside;
    END IF;
    IF v_main_type NOT IN ('table', 'table column', 'table constraint', 'view', 'materialized view', 'foreign table', 'sequence', 'index', 'function', 'procedure',
                           'type', 'schema', 'trigger', 'policy', 'extension')
       OR tg_tag = 'COMMENT' AND v_main_type NOT IN ('table', 'table column', 'view', 'materialized view', 'function', 'type', 'schema') THEN
      v_main_name := NULL;  -- it may stand there in another form
    END IF;
    v_cut := dts_ddl_portable.cut(v_source, tg_tag, v_main_name, v_is_top, v_conforming, CASE WHEN v_places IS NOT NULL THEN coalesce(v_known[2], 1) END);
    IF v_cut.place IS NOT NULL THEN
      PERFORM dts_ddl_portable.note_places(regexp_replace(v_places, v_point || '[0-9]+:[0-9]+', '')
        || v_point || v_inner.upto || ':' || v_cut.place);
    END IF;
    v_text := v_cut.statement;
    IF v_text IS NULL THEN
      v_whole := true;
      v_text := coalesce(v_source, current_query(), '');
      v_flags := v_flags || CASE WHEN v_source IS NULL THEN 'outer statement'::text ELSE 'whole string' END;
      v_reason := CASE WHEN v_source IS NULL THEN 'the command ran inside a function or block, and its own text is not known'
                       ELSE 'the statement could not be cut out of the string it was sent in' END;
    END IF;

    -- Dropped objects. The main one is that which the statement names first.
    IF v_has_drops THEN
      FOR o IN SELECT d.x ->> 'type' AS type, d.x ->> 'schema' AS schema, d.x ->> 'name' AS name, d.x ->> 'identity' AS identity,
                      (d.x ->> 'original')::boolean AS original, (d.x ->> 'temporary')::boolean AS temporary, (d.x ->> 'own')::boolean AS own
                 FROM json_array_elements(v_dropped) d(x) LOOP
        IF o.temporary THEN
          IF o.original IS NOT FALSE THEN
            v_temporary := v_temporary + 1;
            v_removed := v_removed || o.identity;
          END IF;
          CONTINUE;
        END IF;
        IF o.original IS NOT FALSE THEN
          v_count := v_count + 1;
          v_own := v_own + CASE WHEN o.own THEN 1 ELSE 0 END;
          v_local := v_local + CASE WHEN o.type ~ '^(publication|subscription|large object)' THEN 1 ELSE 0 END;
        END IF;
        v_objects := v_objects || ('{"op":"drop","type":' || to_json(o.type)::text || coalesce(',"identity":' || to_json(o.identity)::text, '')
          || coalesce(',"schema":' || to_json(o.schema)::text, '') || coalesce(',"name":' || to_json(o.name)::text, '')
          || coalesce(',"original":' || to_json(o.original)::text, '') || '}');
      END LOOP;
    END IF;
    IF v_has_drops AND tg_tag LIKE 'DROP %' AND v_cut.tokens IS NOT NULL THEN
      SELECT d.x ->> 'type' AS type, d.x ->> 'identity' AS identity INTO o
        FROM json_array_elements(v_dropped) d(x)
        JOIN (SELECT t.token, row_number() OVER () AS n FROM unnest(v_cut.tokens) t(token)) s
          ON lower(btrim(s.token, '"')) = lower(d.x ->> 'name')
       WHERE (d.x ->> 'original')::boolean AND NOT (d.x ->> 'temporary')::boolean ORDER BY s.n LIMIT 1;
      IF o.type IS NOT NULL THEN
        v_main_type := o.type;
        v_main_identity := o.identity;
      END IF;
    END IF;

    -- Is it something that another server should hear of?
    IF v_count = 0 AND (v_temporary > 0 OR c_version >= 90500 AND tg_tag <> 'DROP OWNED') THEN
      RETURN;
    END IF;
    IF c_version < 90500 AND NOT v_has_drops AND (tg_tag ~ '^(CREATE|ALTER) ' OR tg_tag = 'SELECT INTO') AND dts_ddl_portable.is_about_temporary(v_cut.tokens, v_path) THEN
      RETURN;
    END IF;
    IF (c_version < 90500 AND tg_tag LIKE 'DROP %' AND v_count = 0 AND tg_tag <> 'DROP OWNED')
       OR (v_own > 0 AND v_own = v_count)
       OR (tg_tag LIKE 'ALTER %' AND v_count = 1 AND NOT v_whole AND NOT v_has_drops AND NOT v_is_untold
           AND dts_ddl_portable.did_nothing(tg_tag, v_cut.tokens, v_main_oid)) THEN
      RETURN;
    END IF;
    IF tg_tag IN ('GRANT', 'REVOKE') AND NOT v_whole THEN
      -- PostgreSQL does not tell which objects
      SELECT bool_and(g.kind IN ('TABLE', 'SEQUENCE') AND dts_ddl_portable.is_temporary(g.schema, g.name, v_path)) AS are_temporary,
             bool_and(coalesce(g.schema = 'dts_ddl_portable', false) OR (g.kind = 'SCHEMA' AND g.name = 'dts_ddl_portable')
               OR (g.schema = 'public' AND g.kind IN ('TABLE', 'SEQUENCE') AND g.name IN ('dts_ddl_command', 'dts_ddl_command_id_seq')
                   AND EXISTS (SELECT 1 FROM pg_class k WHERE k.oid = v_relation AND k.relname = 'dts_ddl_command'))
               OR (g.schema = 'public' AND g.kind IN ('FUNCTION', 'ROUTINE') AND g.name = 'dts_capture_ddl' AND NOT g.arguments
                   AND EXISTS (SELECT 1 FROM pg_event_trigger e WHERE e.evtname = 'dts_intercept_ddl' AND e.evtfoid = to_regprocedure('public.dts_capture_ddl()')))) AS are_own
        INTO p FROM dts_ddl_portable.granted_objects(v_cut.tokens) g;
      IF p.are_temporary OR p.are_own THEN
        RETURN;
      END IF;
    END IF;
    IF v_local > 0 AND v_local = v_count OR tg_tag ~ ' (PUBLICATION|SUBSCRIPTION)$' THEN
      v_reason := CASE WHEN v_main_type LIKE 'subscription%' THEN 'subscriptions belong to the server that subscribes'
                       WHEN v_main_type LIKE 'large object%' THEN 'large objects are not replicated'
                       ELSE 'publications belong to the server that publishes' END;
    END IF;

    IF pg_my_temp_schema() <> 0 AND tg_tag = 'CREATE TABLE' THEN
      FOR v_line IN 2 .. coalesce(array_length(v_cut.tokens, 1), 0) LOOP
        v_has := v_cut.tokens[v_line + 2] = '.';
        IF v_cut.tokens[v_line] = 'LIKE' AND v_cut.tokens[v_line - 1] IN ('(', ',') AND dts_ddl_portable.is_temporary(
             CASE WHEN v_has THEN dts_ddl_portable.identifier(v_cut.tokens[v_line + 1]) END,
             dts_ddl_portable.identifier(v_cut.tokens[CASE WHEN v_has THEN v_line + 3 ELSE v_line + 1 END]), v_path) THEN
          v_flags := v_flags || 'temporary source'::text;
          v_reason := 'the table was made LIKE a temporary one, which no other server has';
          EXIT;
        END IF;
      END LOOP;
    END IF;

    -- New tables.
    IF array_length(v_new_tables, 1) > 0 THEN
      SELECT array_agg(n.t) INTO v_new_tables FROM unnest(v_new_tables) n(t) JOIN pg_class k ON k.oid = n.t
       WHERE k.relkind IN ('r', 'p') AND k.relpersistence = 'p';
      FOR c IN SELECT k.oid, quote_ident(n.nspname) || '.' || quote_ident(k.relname) AS name, k.relkind FROM pg_class k
                 JOIN pg_namespace n ON n.oid = k.relnamespace WHERE k.oid = ANY (v_new_tables) ORDER BY k.oid LOOP
        p := dts_ddl_portable.publish(c.oid);
        IF p.is_full THEN
          v_full := v_full || c.name;
        END IF;
        FOR v_line IN 1 .. coalesce(array_length(p.joined, 1), 0) LOOP
          v_joined := v_joined || ('{"table":' || to_json(c.name)::text || ',"publication":' || to_json(p.joined[v_line])::text || '}');
        END LOOP;
        IF p.sent_by IS NOT NULL THEN
          v_published := v_published || ('{"table":' || to_json(c.name)::text || ',"publications":' || to_json(p.sent_by)::text || '}');
        END IF;
        v_failed := v_failed || p.failed;
        IF tg_tag IN ('CREATE TABLE AS', 'SELECT INTO') THEN
          v_has := true;
          BEGIN
            EXECUTE 'SELECT EXISTS (SELECT 1 FROM ONLY ' || c.name || ')' INTO v_has;
          EXCEPTION WHEN insufficient_privilege THEN
            NULL;
          END;
          IF v_has THEN
            v_flags := v_flags || 'rows before structure'::text;
            IF array_length(p.joined, 1) > 0 THEN
              v_undecoded := v_undecoded || c.name;
            END IF;
          END IF;
        END IF;
      END LOOP;
    END IF;
    IF array_length(v_new_tables, 1) > 0 AND c_version >= 100000 THEN
      SELECT json_agg(b.pubname ORDER BY b.pubname)::text INTO v_all FROM pg_publication b;
    END IF;
    IF array_length(v_failed, 1) > 0 THEN
      v_flags := v_flags || 'not published'::text;
    END IF;

    -- What another server can run.
    IF tg_tag IN ('CREATE TABLE AS', 'SELECT INTO') AND v_main_oid IS NOT NULL THEN
      v_original := v_text;
      v_text := dts_ddl_portable.plain_create_table(v_main_oid);
      v_tag := 'CREATE TABLE';
      v_reason := NULL;
    ELSIF tg_tag IN ('CREATE TABLE AS', 'SELECT INTO') THEN
      -- 9.4 does not tell which table it is
      v_flags := v_flags || 'rows before structure'::text;
      v_reason := 'the columns of the new table could not be told';
    ELSIF array_length(v_removed, 1) > 0 AND v_count > 0 AND NOT v_whole AND tg_tag LIKE 'DROP %' THEN
      -- temporary and other objects in one DROP
      v_original := v_text;
      SELECT tg_tag || ' ' || string_agg(d.x ->> 'identity', ', ') || CASE WHEN v_cut.tokens[array_upper(v_cut.tokens, 1)] = 'CASCADE' OR 'CASCADE' = ANY (v_cut.top) THEN ' CASCADE' ELSE '' END
        INTO v_text FROM json_array_elements(v_dropped) d(x) WHERE (d.x ->> 'original')::boolean AND NOT (d.x ->> 'temporary')::boolean;
    ELSE
      v_removed := ARRAY[]::text[];
    END IF;
    IF v_whole OR tg_tag ~ '(USER MAPPING|SERVER|FOREIGN|SUBSCRIPTION)' THEN
      v_redacted := dts_ddl_portable.redact(coalesce(v_original, v_text), tg_tag, v_whole, v_conforming);
      v_hidden := v_redacted.hidden;
      IF v_hidden > 0 THEN
        IF v_original IS NOT NULL THEN v_original := v_redacted.result; ELSE v_text := v_redacted.result; END IF;
      END IF;
    END IF;

    FOR v_line IN 1 .. array_length(c_settings, 1) LOOP
      v_setting := current_setting(c_settings[v_line]);
      IF v_setting <> c_defaults[v_line] THEN
        v_settings := coalesce(v_settings || ',', '') || to_json(c_settings[v_line])::text || ':' || to_json(v_setting)::text;
      END IF;
    END LOOP;
    SELECT r.rolsuper INTO v_has FROM pg_roles r WHERE r.rolname = (v_caller ->> 'user');
    v_message := '{"v":1,"edition":"portable"'
      || CASE WHEN array_length(v_flags, 1) > 0 THEN ',"flags":' || (SELECT json_agg(DISTINCT f.f)::text FROM unnest(v_flags) f(f)) ELSE '' END
      || CASE WHEN array_length(v_objects, 1) > 0 THEN ',"objects":[' || array_to_string(v_objects, ',') || ']' ELSE '' END
      || ',"session_user":' || to_json(session_user::text)::text
      || CASE WHEN v_has THEN ',"superuser":true' ELSE '' END
      || ',"search_path":' || (SELECT coalesce(json_agg(CASE WHEN left(s.s, 8) = 'pg_temp_' THEN 'pg_temp' ELSE s.s END)::text, '[]')
                                 FROM unnest(v_path) s(s))
      || coalesce(',"settings":{' || v_settings || '}', '')
      || ',"nesting":' || CASE WHEN v_is_top THEN '{"level":"top"}'
           ELSE '{"level":"nested"' || CASE WHEN array_length(v_inside, 1) > 0 THEN ',"inside":' || to_json(v_inside)::text ELSE '' END || '}' END
      || CASE WHEN array_length(v_full, 1) > 0 THEN ',"replica_identity":' || to_json(v_full)::text ELSE '' END
      || CASE WHEN array_length(v_joined, 1) > 0 THEN ',"publications":[' || array_to_string(v_joined, ',') || ']' ELSE '' END
      || CASE WHEN array_length(v_published, 1) > 0 THEN ',"published":[' || array_to_string(v_published, ',') || ']' ELSE '' END
      || coalesce(',"all_publications":' || v_all, '')
      || CASE WHEN array_length(v_undecoded, 1) > 0 THEN ',"undecoded_rows":' || to_json(v_undecoded)::text ELSE '' END
      || CASE WHEN array_length(v_failed, 1) > 0 THEN ',"not_published":' || to_json(v_failed)::text ELSE '' END
      || coalesce(',"replay":false,"replay_reason":' || to_json(v_reason)::text, '')
      || CASE WHEN v_hidden > 0 THEN ',"redacted":' || v_hidden ELSE '' END
      || CASE WHEN array_length(v_removed, 1) > 0 THEN ',"temporary_removed":' || to_json(v_removed)::text ELSE '' END
      || coalesce(',"original":{"tag":' || to_json(tg_tag)::text || ',"text":' || to_json(v_original)::text || '}', '') || '}';

    IF NOT EXISTS (SELECT 1 FROM pg_class k JOIN pg_namespace n ON n.oid = k.relnamespace
                    WHERE k.oid = v_relation AND n.nspname = 'public' AND k.relname = 'dts_ddl_command') THEN
      RAISE EXCEPTION 'capture table "public.dts_ddl_command" does not exist' USING ERRCODE = 'undefined_table';
    ELSIF (v_caller ->> 'user') IS NULL THEN
      RAISE EXCEPTION 'who has run it is not known';
    END IF;
    INSERT INTO dts_ddl_portable.rows (ddl_text, event, tag, username, database, schema, object_type, object_name, client_address,
        client_port, event_time, txid_current, message)
      VALUES (v_text, tg_event, v_tag, v_caller ->> 'user', current_database(),
        CASE WHEN left(v_path[1], 8) = 'pg_temp_' THEN 'pg_temp' ELSE v_path[1] END,
        v_main_type, v_main_identity, host(inet_client_addr()), inet_client_port(), clock_timestamp(), txid_current()::text, v_message)
      RETURNING id INTO v_id;
    IF v_id % 64 = 0 THEN
      BEGIN
        PERFORM dts_ddl_portable.prune(v_id);
      EXCEPTION WHEN OTHERS THEN
        NULL;  -- e.g. in REPEATABLE READ, rows that another session has pruned meanwhile; the next one will do it
      END;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    -- An error in here is one of the command, which must not go through untold. Only what somebody has taken away from the functions is
    -- not to be the users' trouble.
    v_why := SQLERRM;
    IF v_context IS NULL THEN
      RAISE;
    END IF;
    IF tg_tag = 'REINDEX' AND current_setting('transaction_read_only') = 'on' THEN
      -- The only one that may run where nothing can be written, not even a gap be counted. It changes nothing that can be seen.
      RAISE WARNING 'DDL command was not captured' USING DETAIL = v_why || ' Command: ' || tg_tag, HINT = 'It could not be counted, either.';
      RETURN;
    END IF;
    BEGIN
      -- notes that were taken have come back with the rollback: there is one to look for
      PERFORM setval('dts_ddl_portable.newest', 65535);  -- where no row lies
      PERFORM dts_ddl_portable.take_notes(v_context, tg_tag);
    EXCEPTION WHEN undefined_table OR undefined_function OR undefined_column OR invalid_schema_name OR insufficient_privilege OR wrong_object_type THEN
      NULL;
    END;
    BEGIN
      PERFORM dts_ddl_portable.tell_gap(v_why, concat_ws(' ', tg_tag, v_main_identity));
    EXCEPTION WHEN undefined_function OR invalid_schema_name OR insufficient_privilege THEN
      RAISE WARNING 'DDL command was not captured' USING DETAIL = v_why || ' Command: ' || tg_tag;
    END;
  END
  $fn$;
  COMMENT ON FUNCTION public.dts_capture_ddl() IS 'Records a DDL command in public.dts_ddl_command';

  -- No right for anybody but the owner, whatever ALTER DEFAULT PRIVILEGES has given. (The table: consumers may have been granted SELECT.)
  FOR item IN
    SELECT 'REVOKE ALL ON ' || o.what || ' FROM ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END
      FROM (
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS what,
               c.relowner AS owner, coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 'S'::"char" ELSE 'r'::"char" END, c.relowner)) AS acl
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'S', 'v')
           AND (n.nspname = 'dts_ddl_portable' OR is_new_table AND n.nspname = 'public' AND c.relname IN ('dts_ddl_command', 'dts_ddl_command_id_seq'))
        UNION ALL
        SELECT 'FUNCTION ' || quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
               p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = 'dts_ddl_portable' OR n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0
        UNION ALL
        SELECT 'SCHEMA dts_ddl_portable', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) FROM pg_namespace n WHERE n.nspname = 'dts_ddl_portable'
      ) o CROSS JOIN LATERAL aclexplode(o.acl) x
     WHERE x.grantee <> o.owner GROUP BY 1 LOOP
    EXECUTE item;
  END LOOP;

  -- The old table's publications get the new one.
  IF moved AND former IS NOT NULL THEN
    FOREACH item IN ARRAY former LOOP
      EXECUTE 'ALTER PUBLICATION ' || quote_ident(item) || ' DROP TABLE dts_old.dts_ddl_command';
      EXECUTE 'ALTER PUBLICATION ' || quote_ident(item) || ' ADD TABLE public.dts_ddl_command';
    END LOOP;
  END IF;

  -- Last: from here on DDL is recorded.
  BEGIN
    CREATE EVENT TRIGGER dts_intercept_caller ON ddl_command_end EXECUTE PROCEDURE dts_ddl_portable.note_caller();
    CREATE EVENT TRIGGER dts_intercept_drop ON sql_drop EXECUTE PROCEDURE dts_ddl_portable.note_drops();
    CREATE EVENT TRIGGER dts_intercept_start ON ddl_command_start EXECUTE PROCEDURE dts_ddl_portable.begin_command();
    CREATE EVENT TRIGGER dts_intercept_ddl ON ddl_command_end EXECUTE PROCEDURE public.dts_capture_ddl();
    COMMENT ON EVENT TRIGGER dts_intercept_caller IS 'Portable edition of dts_ddl_capture: who runs a DDL command; must come right before dts_intercept_ddl';
    COMMENT ON EVENT TRIGGER dts_intercept_drop IS 'Portable edition of dts_ddl_capture: objects dropped by a DDL command';
    COMMENT ON EVENT TRIGGER dts_intercept_start IS 'Portable edition of dts_ddl_capture: beginning of a DDL command';
    COMMENT ON EVENT TRIGGER dts_intercept_ddl IS 'Portable edition of dts_ddl_capture: end of a DDL command';
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'permission denied to create event triggers' USING
      ERRCODE = 'insufficient_privilege', DETAIL = SQLERRM || '. Nothing has been made.',
      HINT = 'Plain PostgreSQL demands a superuser; on a managed service use its privileged account.';
  END;

  FOR rival IN
    SELECT e.evtname FROM pg_event_trigger e
     WHERE e.evtname ~ '^(awsdms_|hwdrs_|udts_|ape_dts_|dts_|dms_|pgl_ddl|pglogical|spock|pgactive|bucardo|tg_ddl|ddl_capture|replicate_ddl)'
       AND e.evtname NOT IN ('dts_intercept_ddl', 'dts_intercept_caller', 'dts_intercept_drop', 'dts_intercept_start')
     ORDER BY e.evtname LOOP
    RAISE WARNING 'another DDL capture is present: event trigger "%"', rival USING
      HINT = 'Each records the commands of the other. Drop it when its consumer no longer needs it.';
  END LOOP;
  -- A function of somebody else that was replaced is still his: he could change what everybody runs.
  FOR item IN SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE NOT (p.proowner = ANY (trusted)) AND (n.nspname = 'dts_ddl_portable'
                  OR (n.nspname = 'public' AND p.proname = 'dts_capture_ddl' AND p.pronargs = 0)) LOOP
    RAISE EXCEPTION 'function % belongs to another role', item USING
      ERRCODE = 'insufficient_privilege', HINT = 'Look at what it is and who made it. What is not needed: drop it, and run this script again.';
  END LOOP;
  -- inside a transaction of the caller it would stay
  PERFORM set_config('search_path', path, true);
END
$install$;
