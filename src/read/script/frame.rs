//! What stands before and after the commands of a script, and the walls around those of ordinary roles.

use super::psql::add;
use crate::document::settings;
use crate::pg::runtime::session;

const HEAD: &str = "\
-- DDL commands captured by dts_ddl_capture, for psql:
--   psql -XAtc \"SELECT dts_ddl.script()\" source | psql -X -v ON_ERROR_STOP=1 destination
-- Each command runs as the role that ran it: the roles must exist, and whoever runs this script must be allowed to SET ROLE to them.
-- What a command of an ordinary role runs (a default, an index function, a check) has the rights of that role alone, though whoever runs
-- this has more: PostgreSQL refreshes a materialized view with the rights of its owner, and lets nothing out of it. Such a command is run
-- by a view of its role. The views are in a schema dts_ddl_script_.., which this script makes and drops; it needs CREATE on the database.
-- It is not run where its role may do more than it could on the source, as an attribute or a predefined role lets it.
-- If the destination captures DDL itself, it records these commands, too. To prevent that:
--   SET dts_ddl_capture.enabled = off;
\\unset dts_schema
SET ROLE NONE;
\\set dts_rollback :ON_ERROR_ROLLBACK
\\set ON_ERROR_ROLLBACK off
SELECT r.setting AS replication_role, d.setting AS stack_depth FROM pg_catalog.pg_settings r, pg_catalog.pg_settings d
  WHERE r.name OPERATOR(pg_catalog.=) 'session_replication_role' AND d.name OPERATOR(pg_catalog.=) 'max_stack_depth' \\gset dts_
";

/// Makes that event triggers which fire in the ordinary way do not, if there are others than those of a capture: these
/// run no DDL, and a chain goes on. INFO comes to the client whatever client_min_messages is.
pub const QUIET: &str = r#"DO $dts$
DECLARE
  others constant pg_catalog.text := (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(t.evtname), ', ' ORDER BY t.evtname)
    FROM pg_catalog.pg_event_trigger t
    WHERE t.evtenabled OPERATOR(pg_catalog.=) 'O' AND t.evtname OPERATOR(pg_catalog.!~) '^dts_intercept_');
BEGIN
  IF others IS NULL OR pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica' THEN
    RETURN;
  END IF;
  PERFORM pg_catalog.set_config('session_replication_role', 'replica', false);
  RAISE INFO 'event triggers of this database do not fire for this script: %', others
    USING HINT = 'What they would do is in the script, if they did it on the source. A capture does not record the script either.';
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'event triggers of this database fire for this script: %', others
    USING HINT = 'What they do here and did on the source is done twice. Run the script as a superuser, or disable them.';
END
$dts$;
"#;

/// A command runs deeper in the stack here than where it was sent: inside of a view and a function. In kB; the system's
/// limit is told by an error only, and may be none at all.
const DEEPER: &str = r#"DO $dts$
DECLARE
  depth pg_catalog.int8 := (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'max_stack_depth');
  step pg_catalog.int8 := 8192;
BEGIN
  WHILE step OPERATOR(pg_catalog.>=) 64 AND depth OPERATOR(pg_catalog.<) 65536 LOOP
    BEGIN
      PERFORM pg_catalog.set_config('max_stack_depth', (depth OPERATOR(pg_catalog.+) step)::pg_catalog.text, false);
      depth := depth OPERATOR(pg_catalog.+) step;
    EXCEPTION WHEN invalid_parameter_value THEN
      step := step OPERATOR(pg_catalog./) 2;
    END;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$dts$;
"#;

/// Gives the session back what [`QUIET`] and [`DEEPER`] have changed, which not everybody may set to what it is.
const LOUD_AND_FLAT: &str = "SELECT CASE WHEN s.reset_val OPERATOR(pg_catalog.=) w.value THEN pg_catalog.format('RESET %I', s.name)
  ELSE pg_catalog.format('SET %I TO %L', s.name, w.value) END FROM pg_catalog.pg_settings s, (VALUES
  ('session_replication_role', :'dts_replication_role'), ('max_stack_depth', :'dts_stack_depth')) w (name, value)
  WHERE s.name OPERATOR(pg_catalog.=) w.name AND s.setting OPERATOR(pg_catalog.<>) w.value \\gexec
";

/// Made once, by the first ordinary role: the function that each view calls, and the one that asks whether a role may do more
/// here than `had` says. ([`crate::pg::catalog::rights`] says the same of the source.) REFRESH has a search_path of its own
/// from 17 on.
pub const WALL: &str = "\\if :{?dts_schema}
\\else
SELECT pg_catalog.format('DROP SCHEMA %I CASCADE', n.nspname) FROM pg_catalog.pg_namespace n
  WHERE n.nspname OPERATOR(pg_catalog.~) '^dts_ddl_script_[0-9a-f]{32}$'
    AND pg_catalog.pg_get_userbyid(n.nspowner) OPERATOR(pg_catalog.=) current_user \\gexec
\\set dts_stop :ON_ERROR_STOP
\\set ON_ERROR_STOP on
SELECT pg_catalog.replace(pg_catalog.format('dts_ddl_script_%s', pg_catalog.gen_random_uuid()), '-', '') AS schema \\gset dts_
BEGIN;
CREATE SCHEMA :\"dts_schema\";
GRANT USAGE ON SCHEMA :\"dts_schema\" TO PUBLIC;
CREATE FUNCTION :\"dts_schema\".run() RETURNS pg_catalog.bool LANGUAGE plpgsql AS $dts$
BEGIN
  PERFORM pg_catalog.set_config('search_path', pg_catalog.current_setting('dts_ddl.search_path'), true);
  EXECUTE pg_catalog.current_setting('dts_ddl.statement');
  RETURN true;
END
$dts$;
CREATE FUNCTION :\"dts_schema\".may(role pg_catalog.name, VARIADIC had pg_catalog.text[] DEFAULT '{}') RETURNS pg_catalog.bool
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $dts$
DECLARE
  more constant text := (SELECT pg_catalog.string_agg(DISTINCT has.name, ', ' ORDER BY has.name) FROM pg_catalog.pg_roles r, LATERAL (
    SELECT a.name FROM (VALUES ('superuser', r.rolsuper), ('createrole', r.rolcreaterole), ('createdb', r.rolcreatedb),
      ('replication', r.rolreplication), ('bypassrls', r.rolbypassrls)) a (name, has) WHERE a.has
    UNION ALL SELECT 'pg_database_owner' FROM pg_catalog.pg_database d
      WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND pg_catalog.pg_has_role(r.oid, d.datdba, 'USAGE')
    UNION ALL SELECT CASE WHEN p.rolsuper THEN 'member_of_superuser' ELSE p.rolname::pg_catalog.text END
      FROM pg_catalog.pg_roles p WHERE (p.rolsuper OR p.oid OPERATOR(pg_catalog.<) 16384 AND p.oid OPERATOR(pg_catalog.<>) 10
          AND p.rolname OPERATOR(pg_catalog.<>) 'pg_database_owner')
        AND pg_catalog.pg_has_role(r.oid, p.oid, 'USAGE')) has (name)
    WHERE r.rolname OPERATOR(pg_catalog.=) $1 AND has.name OPERATOR(pg_catalog.<>) ALL (had)
      AND (has.name OPERATOR(pg_catalog.=) 'superuser' OR NOT r.rolsuper));
BEGIN
  IF more IS NOT NULL THEN
    RAISE insufficient_privilege
      USING MESSAGE = pg_catalog.format('role %I may do more here than it could on the source: %s', $1, more);
  END IF;
  RETURN true;
END
$dts$;
COMMIT;
\\set ON_ERROR_STOP :dts_stop
\\endif
";

pub const REMOVE_WALLS: &str = "\\if :{?dts_schema}
DROP SCHEMA :\"dts_schema\" CASCADE;
\\unset dts_schema
\\endif
";

pub fn head() -> Vec<u8> {
    let mut script = [HEAD, QUIET, DEEPER].concat().into_bytes();
    for (name, value) in [
        ("client_encoding", session::client_encoding().as_str()),
        ("standard_conforming_strings", "on"),
        ("client_min_messages", "warning"),
    ] {
        add(&mut script, &format!("SET {name} TO '{value}';\n"));
    }
    let defaults: Vec<String> = settings::defaults()
        .map(|(name, value)| format!("('{name}', '{value}')"))
        .collect();
    add(
        &mut script,
        &format!(
            "SELECT pg_catalog.format('SET %I TO %L', s.name, d.value) FROM pg_catalog.pg_settings s,
  (VALUES {}) d (name, value)
  WHERE s.name OPERATOR(pg_catalog.=) d.name AND s.setting OPERATOR(pg_catalog.<>) d.value \\gexec",
            defaults.join(", ")
        ),
    );
    script
}

/// Gives the session back the settings with which it began.
pub fn foot() -> Vec<u8> {
    let names: Vec<String> = settings::defaults()
        .map(|(name, _)| format!("'{name}'"))
        .collect();
    format!(
        "-- end of the commands
SELECT pg_catalog.format('RESET %I', s.name) FROM pg_catalog.pg_settings s
  WHERE s.source OPERATOR(pg_catalog.=) 'session' AND s.name OPERATOR(pg_catalog.=) ANY (ARRAY[{}]) \\gexec
{REMOVE_WALLS}{LOUD_AND_FLAT}\\set ON_ERROR_ROLLBACK :dts_rollback
RESET client_min_messages;
RESET client_encoding;",
        names.join(", ")
    )
    .into_bytes()
}
