//! ALTER EXTENSION dts_ddl_capture UPDATE from every released version: what it leads to is what a new installation has, capture
//! goes on before, during and after it, and what users had is still there. A released version is a script
//! `sql/dts_ddl_capture--VERSION.sql` or what update scripts make of one. `package/check` does it with real packages of old versions.

use super::extension_scripts::{Installed, install, run};
use super::server::{Database, server, skipped, value};
use postgres::{Client, SimpleQueryMessage};
use std::path::Path;

const CURRENT: &str = env!("CARGO_PKG_VERSION");

/// Versions that have a whole script, and the update scripts as (from, to).
fn scripts() -> (Vec<String>, Vec<(String, String)>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let (mut whole, mut updates) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(directory).expect("sql/") {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(rest) = name
            .strip_prefix("dts_ddl_capture--")
            .and_then(|rest| rest.strip_suffix(".sql"))
        else {
            continue;
        };
        match rest.split_once("--") {
            Some((from, to)) => updates.push((from.to_owned(), to.to_owned())),
            None => whole.push(rest.to_owned()),
        }
    }
    (whole, updates)
}

/// Every version before this one.
fn released() -> Vec<String> {
    let (mut versions, updates) = scripts();
    for (from, to) in updates {
        versions.extend([from, to]);
    }
    versions.sort();
    versions.dedup();
    versions.retain(|version| version != CURRENT);
    assert!(!versions.is_empty());
    versions
}

/// The whole scripts of released versions, as they were released: `cargo pgrx` installs update scripts only. Up to 1.0.0 the library
/// had been named without its directory.
fn install_released(test: &str, database: &Database) -> Option<Installed> {
    let mut files = Vec::new();
    for version in scripts().0 {
        let name = format!("dts_ddl_capture--{version}");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sql/{name}.sql"));
        files.push((
            format!("{name}.sql"),
            std::fs::read_to_string(script).unwrap(),
        ));
        if version == "1.0.0" {
            files.push((
                format!("{name}.control"),
                "module_pathname = 'dts_ddl_capture'\n".to_owned(),
            ));
        }
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    install(test, database, &files)
}

fn facts(client: &mut Client) -> Vec<String> {
    client
        .simple_query(include_str!("upgrade.sql"))
        .expect("the facts")
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}

#[track_caller]
fn expect_same(what: &str, got: &[String], want: &[String]) {
    let lacking: Vec<_> = want.iter().filter(|fact| !got.contains(fact)).collect();
    let surplus: Vec<_> = got.iter().filter(|fact| !want.contains(fact)).collect();
    assert!(
        lacking.is_empty() && surplus.is_empty() && got.len() == want.len(),
        "{what}\n--- only installed fresh:\n{lacking:#?}\n--- only by update:\n{surplus:#?}"
    );
}

fn members(facts: &[String]) -> usize {
    facts
        .iter()
        .filter(|fact| {
            fact.starts_with("depends ") && fact.ends_with(" e extension dts_ddl_capture")
        })
        .count()
}

/// The comparison sees what an update script may have forgotten.
#[test]
fn differences_are_seen() {
    let database = Database::new("upgrade_differences");
    let mut client = database.connect();
    // nothing of this is to be captured: ids are compared as well
    run(&mut client, "SET session_replication_role = replica");
    let want = facts(&mut client);
    for statement in [
        "COMMENT ON FUNCTION dts_ddl.gaps() IS NULL",
        "COMMENT ON COLUMN public.dts_ddl_command.tag IS 'x'",
        "UPDATE pg_proc SET probin = 'dts_ddl_capture' WHERE proname = 'dts_capture_ddl'",
        "ALTER FUNCTION dts_ddl.gaps() STABLE",
        "ALTER FUNCTION dts_ddl.capture_drop() SET search_path TO pg_catalog",
        "ALTER FUNCTION dts_ddl.capture_drop() OWNER TO pg_monitor",
        "ALTER VIEW dts_ddl.status SET (security_barrier)",
        "GRANT SELECT ON dts_ddl.history TO pg_monitor",
        "REVOKE USAGE ON SCHEMA dts_ddl FROM pg_monitor",
        "ALTER EXTENSION dts_ddl_capture DROP SEQUENCE dts_ddl.gap_count",
        "ALTER SEQUENCE dts_ddl.gap_count INCREMENT 2",
        "SELECT nextval('dts_ddl.gap_count')",
        "ALTER SEQUENCE public.dts_ddl_command_id_seq OWNED BY NONE",
        "ALTER TABLE public.dts_ddl_command ALTER id SET DEFAULT 1",
        "ALTER TABLE public.dts_ddl_command ALTER tag TYPE varchar",
        "ALTER TABLE public.dts_ddl_command ALTER tag SET STORAGE EXTERNAL",
        "ALTER TABLE public.dts_ddl_command ALTER tag SET (n_distinct = 5)",
        "ALTER TABLE public.dts_ddl_command SET (fillfactor = 50)",
        "ALTER TABLE public.dts_ddl_command REPLICA IDENTITY FULL",
        "CREATE RULE r AS ON DELETE TO public.dts_ddl_command DO ALSO SELECT 1",
        "ALTER INDEX public.dts_ddl_command_pkey RENAME TO pk",
        "ALTER EVENT TRIGGER dts_intercept_drop ENABLE ALWAYS",
        "UPDATE pg_extension SET extconfig = ARRAY['public.dts_ddl_command'::regclass], extcondition = '{x}' WHERE extname = 'dts_ddl_capture'",
        "CREATE VIEW dts_ddl.more AS SELECT 1 AS x; ALTER EXTENSION dts_ddl_capture ADD VIEW dts_ddl.more",
        "ALTER FUNCTION dts_ddl.gaps() DEPENDS ON EXTENSION plpgsql",
    ] {
        run(&mut client, &format!("BEGIN; {statement}"));
        assert!(facts(&mut client) != want, "{statement} is not seen");
        run(
            &mut client,
            "ROLLBACK; SELECT setval('dts_ddl.gap_count', 1, false)",
        );
    }
    expect_same("nothing is left of them", &facts(&mut client), &want);
}

/// The scripts mean the same under any settings of the session that runs them.
#[test]
fn in_odd_sessions() {
    // quote_all_identifiers is seen in search_path = "pg_catalog", "pg_temp"
    let unquoted = |database: &Database| -> Vec<String> {
        let facts = facts(&mut database.connect());
        facts.iter().map(|fact| fact.replace("\\\"", "")).collect()
    };
    let want = unquoted(&Database::new("upgrade_usual"));
    let database = Database::bare("upgrade_odd");
    let mut client = database.connect();
    run(
        &mut client,
        "SET quote_all_identifiers = on; SET transform_null_equals = on; SET array_nulls = off; SET check_function_bodies = off;
         SET default_transaction_isolation = serializable; SET search_path = pg_catalog; SET client_min_messages = error",
    );
    if server().major < 19 {
        run(
            &mut client,
            "SET standard_conforming_strings = off; SET backslash_quote = off",
        );
    }
    run(&mut client, "CREATE EXTENSION dts_ddl_capture");
    expect_same("installed by an odd session", &unquoted(&database), &want);
    let alarms = value(
        &mut database.connect(),
        "SELECT string_agg(name, ' ') FROM dts_ddl.check() WHERE status = 'error'",
    );
    assert_eq!(alarms, "NULL");
}

/// One test, so that files of released versions are there once only.
#[test]
fn from_every_version() {
    let fresh = Database::new("upgrade_fresh");
    let Some(_files) = install_released("from_every_version", &fresh) else {
        return;
    };
    let want = facts(&mut fresh.connect());
    assert!(members(&want) > 30, "{want:#?}");
    let destination = Database::new("upgrade_destination");
    let trusting = "SELECT dts_ddl.start_apply(trust_source => true)";
    run(&mut destination.connect(), trusting);
    let want_destination = facts(&mut destination.connect());
    assert!(members(&want_destination) > members(&want));

    for version in released() {
        let create = format!("CREATE EXTENSION dts_ddl_capture VERSION '{version}'");
        let database = Database::bare("upgrade_same");
        let mut client = database.connect();
        run(&mut client, &create);
        let old = facts(&mut client);
        assert!(
            old != want && members(&old) > 30,
            "{version} differs from {CURRENT}"
        );
        if version == "1.0.0" {
            assert_eq!(
                value(
                    &mut client,
                    "SELECT string_agg(DISTINCT probin, ' ') FROM pg_proc WHERE probin ~ 'dts_ddl'"
                ),
                "dts_ddl_capture"
            );
        }
        run(&mut client, "ALTER EXTENSION dts_ddl_capture UPDATE");
        expect_same(&format!("{version} updated"), &facts(&mut client), &want);
        run(
            &mut client,
            "CREATE TABLE a (x int); DROP EXTENSION dts_ddl_capture",
        );
        assert_eq!(
            value(&mut client, "SELECT string_agg(n, ' ') FROM (SELECT relname FROM pg_class UNION ALL SELECT proname FROM pg_proc
                 UNION ALL SELECT nspname FROM pg_namespace UNION ALL SELECT typname FROM pg_type UNION ALL SELECT evtname FROM pg_event_trigger) AS o(n)
                 WHERE n ~ '^_?(dts_|capture_|apply_|subscribe_)'"),
            "NULL",
            "{version}: DROP EXTENSION leaves nothing"
        );

        let database = Database::bare("upgrade_applying");
        let mut client = database.connect();
        // before 1.2.0 there was no such argument
        let start = if version.as_str() < "1.2" {
            "SELECT dts_ddl.start_apply()"
        } else {
            trusting
        };
        run(
            &mut client,
            &format!("{create}; {start}; ALTER EXTENSION dts_ddl_capture UPDATE; {trusting}"),
        );
        expect_same(
            &format!("{version} updated on a destination"),
            &facts(&mut client),
            &want_destination,
        );
        run(
            &mut client,
            "SELECT dts_ddl.stop_apply(); CREATE TABLE a (x int)",
        );
        capture(&version, &create);
    }
    // what the DBA has chosen stays
    let database = Database::bare("upgrade_identity");
    let mut client = database.connect();
    run(
        &mut client,
        "CREATE EXTENSION dts_ddl_capture VERSION '1.6.0'; ALTER TABLE public.dts_ddl_command REPLICA IDENTITY FULL;
         ALTER EXTENSION dts_ddl_capture UPDATE",
    );
    let identity = "SELECT relreplident FROM pg_class WHERE relname = 'dts_ddl_command'";
    assert_eq!(value(&mut client, identity), "f");
}

/// What DDL leads to: with objects of this version; with old ones and the new library, which is what a server has between the
/// upgrade of the package and ALTER EXTENSION UPDATE; and when the update comes in the middle.
fn capture(version: &str, create: &str) {
    const BEFORE: &str = "CREATE TABLE t (id serial PRIMARY KEY, x text); SELECT 1; CREATE TABLE c AS SELECT 1 AS x;
        DO $$ BEGIN EXECUTE 'CREATE VIEW v AS SELECT * FROM t'; END $$; SET ROLE NONE; GRANT SELECT ON t TO PUBLIC;
        CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT'";
    const AFTER: &str = "DROP VIEW v; ALTER TABLE t ALTER COLUMN x TYPE int USING 1, ADD y int DEFAULT 1; SELECT * INTO i FROM t; DROP TABLE t CASCADE;
        DROP FUNCTION f(); CREATE TEMPORARY TABLE temporary (x int); COMMENT ON TABLE c IS 'x'; SELECT dts_ddl.prune()";
    const ROW: &str = r#"concat_ws(E'\x01', id, ddl_text, event, tag, username, schema, object_type, object_name, regexp_replace(message, '"clock":[{][^}]*[}],', ''))"#;
    let run_all = |create: &str, update: bool| {
        let database = Database::bare("upgrade_capture");
        let mut first = database.connect();
        run(&mut first, create);
        run(&mut first, "CREATE PUBLICATION dts_sync_p");
        let mut other = database.connect();
        run(&mut other, "BEGIN; CREATE TABLE lost (x int); ROLLBACK");
        run(&mut other, BEFORE);
        run(
            &mut first,
            "GRANT SELECT ON public.dts_ddl_command TO pg_monitor",
        );
        if update {
            run(
                &mut database.connect(),
                "ALTER EXTENSION dts_ddl_capture UPDATE",
            );
        }
        run(&mut other, AFTER);
        run(
            &mut database.connect(),
            "CREATE TABLE last AS SELECT 1 AS x",
        );
        database.expect_sound();
        let mut rows = database.column(ROW);
        rows.extend(database.column("(SELECT string_agg(s, E'\\n') FROM dts_ddl.script() s)"));
        let state = database.value("SELECT concat_ws(' ', dts_ddl.last_id(), dts_ddl.pruned_through(), dts_ddl.gaps(), has_table_privilege('pg_monitor', 'public.dts_ddl_command', 'SELECT'), extversion) FROM pg_extension WHERE extname = 'dts_ddl_capture'");
        // the name of the database is in no row, so that they can be compared
        (rows, state)
    };
    let (want, want_state) = run_all("CREATE EXTENSION dts_ddl_capture", false);
    assert!(want.len() > 20, "{want:#?}");
    for update in [false, true] {
        let (got, state) = run_all(create, update);
        assert_eq!(got, want, "{version}, updated: {update}");
        assert_eq!(
            state,
            want_state.replace(CURRENT, if update { CURRENT } else { version })
        );
    }
}

/// The version has one place, and a way that leads to it.
#[test]
fn version() {
    let database = Database::new("upgrade_version");
    assert_eq!(
        database.value("SELECT extversion FROM pg_extension WHERE extname = 'dts_ddl_capture'"),
        CURRENT
    );
    let paths = database.value(&format!(
        "SELECT string_agg(source, ' ' ORDER BY source) FROM pg_extension_update_paths('dts_ddl_capture')
          WHERE target = '{CURRENT}' AND path IS NOT NULL AND source !~ '[a-z]'"
    ));
    assert_eq!(
        paths,
        released().join(" "),
        "versions that can be updated to {CURRENT}"
    );
    // no file of sql/ that is no script of a version, such as start_apply.sql
    let directory = database.value("SELECT setting FROM pg_config WHERE name = 'SHAREDIR'");
    let Ok(entries) = std::fs::read_dir(Path::new(&directory).join("extension")) else {
        return skipped("version", &directory);
    };
    for entry in entries {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.contains("apply") && name != "check",
            "{name} is installed"
        );
    }
    assert!(server().major >= 13);
}
