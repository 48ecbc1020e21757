//! What the client is told besides errors.

use super::server::{Database, preloaded};
use postgres::error::DbError;
use postgres::{Client, NoTls};
use std::sync::{Arc, Mutex};

type Notices = Arc<Mutex<Vec<DbError>>>;

fn listening(database: &Database) -> (Client, Notices) {
    let notices = Notices::default();
    let sink = notices.clone();
    let client = database
        .config()
        .notice_callback(move |notice| sink.lock().unwrap().push(notice))
        .connect(NoTls)
        .expect("a connection");
    (client, notices)
}

fn taken(notices: &Notices) -> Vec<String> {
    notices
        .lock()
        .unwrap()
        .drain(..)
        .map(|n| format!("{}: {}", n.severity(), n.message()))
        .collect()
}

/// A statement that is read again, for the schemas of its names, says nothing twice.
#[test]
fn read_again() {
    let database = Database::new("read_again_warning");
    let (mut client, notices) = listening(&database);
    let long = "n".repeat(70);
    let mut told = Vec::new();
    for setting in ["off", "on"] {
        client
            .batch_execute(&format!("SET dts_ddl_capture.qualify_names = {setting}"))
            .unwrap();
        // from 19 on there is one way to read backslashes
        let _ = client.batch_execute("SET standard_conforming_strings = off");
        client
            .batch_execute(&format!("CREATE TABLE {long} (x text DEFAULT 'a''b')"))
            .unwrap();
        let _ = client.batch_execute(r"ALTER TABLE x ADD y text DEFAULT 'a\'b'");
        let _ = client.batch_execute(r"CREATE VIEW v AS SELECT 'a\'b' AS x");
        client
            .batch_execute(&format!("DROP TABLE {long}; DROP VIEW IF EXISTS v"))
            .unwrap();
        told.push(taken(&notices));
    }
    assert!(!told[0].is_empty());
    assert_eq!(told[0], told[1]);
}

/// A rewrite by a volatile expression warns, naming the table; it can be switched off by anybody.
#[test]
fn volatile_rewrite() {
    let database = Database::new("rewrite_warning");
    let (mut client, notices) = listening(&database);
    client
        .batch_execute("CREATE TABLE a (x int); INSERT INTO a VALUES (1)")
        .unwrap();
    taken(&notices);
    client
        .batch_execute("ALTER TABLE a ADD COLUMN r float8 DEFAULT random()")
        .unwrap();
    {
        let warnings = notices.lock().unwrap();
        let warning = warnings
            .iter()
            .find(|n| n.severity() == "WARNING")
            .expect("a warning");
        assert!(
            format!("{} {:?}", warning.message(), warning.detail()).contains("public.a"),
            "{warning:?}"
        );
        assert!(
            warning.hint().is_some() || warning.detail().is_some(),
            "{warning:?}"
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }
    taken(&notices);
    client
        .batch_execute("CREATE MATERIALIZED VIEW m AS SELECT random() FROM a")
        .unwrap();
    assert_eq!(
        taken(&notices),
        ["WARNING: materialized view public.m was filled by volatile functions"]
    );
    for statement in [
        "ALTER TABLE a ALTER COLUMN x TYPE bigint",
        "ALTER TABLE a ADD COLUMN s timestamptz DEFAULT now()",
        "ALTER TABLE a ADD COLUMN c int DEFAULT 5",
    ] {
        client.batch_execute(statement).unwrap();
        assert_eq!(taken(&notices), Vec::<String>::new(), "{statement}");
    }
    client.batch_execute("SET dts_ddl_capture.warn_on_rewrite = off; ALTER TABLE a ADD COLUMN r2 float8 DEFAULT random()").unwrap();
    assert_eq!(taken(&notices), Vec::<String>::new());
    assert_eq!(
        database
            .column("message::jsonb->'rewrites'->0->>'volatile'")
            .last()
            .map(String::as_str),
        Some("true")
    );
    // a temporary table is nobody's business
    client.batch_execute("RESET dts_ddl_capture.warn_on_rewrite; CREATE TEMP TABLE t (x int); ALTER TABLE t ADD COLUMN r float8 DEFAULT random()").unwrap();
    assert_eq!(taken(&notices), Vec::<String>::new());
}

/// A table with rows that comes under replication warns, since these rows are not sent; an empty one does not.
#[test]
fn undecoded_rows() {
    let database = Database::new("undecoded_rows");
    let (mut client, notices) = listening(&database);
    client
        .batch_execute(
            "CREATE UNLOGGED TABLE a (x int); INSERT INTO a VALUES (1); CREATE UNLOGGED TABLE b (x int); CREATE UNLOGGED TABLE c (x int);
             INSERT INTO c VALUES (1); SET dts_ddl_capture.publication_prefix = ''; CREATE TABLE p (id int) PARTITION BY LIST (id);
             CREATE PUBLICATION of_p FOR TABLE p; CREATE TABLE \"P 1\" (id int); INSERT INTO \"P 1\" VALUES (1)",
        )
        .unwrap();
    taken(&notices);
    client.batch_execute("ALTER TABLE a SET LOGGED").unwrap();
    {
        let warnings = notices.lock().unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].detail().is_some_and(|d| d.contains("unlogged")));
        assert!(warnings[0].hint().is_some());
    }
    assert_eq!(
        taken(&notices),
        ["WARNING: rows already in table public.a are not sent by logical replication"]
    );
    client
        .batch_execute("ALTER TABLE p ATTACH PARTITION \"P 1\" DEFAULT")
        .unwrap();
    assert_eq!(
        taken(&notices),
        ["WARNING: rows already in table public.\"P 1\" are not sent by logical replication"]
    );
    client
        .batch_execute("ALTER TABLE b SET LOGGED; SET dts_ddl_capture.warn_on_rewrite = off; ALTER TABLE c SET LOGGED")
        .unwrap();
    assert_eq!(taken(&notices), Vec::<String>::new());
}

/// Where `capture_roles` is set for later sessions, nothing loads the library in them by itself.
#[test]
fn roles_need_the_library() {
    let database = Database::new("roles_warning");
    let (mut client, notices) = listening(&database);
    client.batch_execute("LOAD 'dts_ddl_capture'").unwrap();
    let set = format!(
        "ALTER DATABASE {} SET dts_ddl_capture.capture_roles = on",
        database.name
    );
    client.batch_execute(&set).unwrap();
    if preloaded() {
        assert_eq!(taken(&notices), Vec::<String>::new());
        return;
    }
    assert_eq!(
        taken(&notices),
        [
            "WARNING: commands on roles are recorded only in sessions that have loaded dts_ddl_capture"
        ]
    );
    // this session has it; off needs nothing
    client
        .batch_execute("SET dts_ddl_capture.capture_roles = on")
        .unwrap();
    client.batch_execute(&set.replace("= on", "= off")).unwrap();
    // once it is preloaded all is well
    client
        .batch_execute(&format!(
            "ALTER DATABASE {} SET session_preload_libraries = 'dts_ddl_capture'",
            database.name
        ))
        .unwrap();
    let (mut client, notices) = listening(&database);
    client.batch_execute(&set).unwrap();
    assert_eq!(taken(&notices), Vec::<String>::new());
}

/// Ordinary DDL of every kind says nothing that PostgreSQL does not say itself.
#[test]
fn silence() {
    let database = Database::new("silence");
    let bare = Database::bare("silence_bare");
    let (mut with, with_notices) = listening(&database);
    let (mut without, without_notices) = listening(&bare);
    for client in [&mut with, &mut without] {
        client
            .batch_execute(
                "CREATE PUBLICATION dts_sync_x; CREATE TABLE a (id serial PRIMARY KEY, x text UNIQUE); DROP TABLE IF EXISTS nope;
                 CREATE TABLE IF NOT EXISTS a (x int); CREATE TABLE b AS SELECT 1 AS x; CREATE VIEW v AS SELECT * FROM a; DROP TABLE a CASCADE;
                 CREATE TEMP TABLE t (x int); DROP TABLE t, b; DO $$ BEGIN RAISE NOTICE 'mine'; END $$; CREATE SCHEMA s CREATE TABLE e (x int)",
            )
            .unwrap();
    }
    assert_eq!(taken(&with_notices), taken(&without_notices));
}

/// The same at the most talkative level: nothing below WARNING comes from us either.
#[test]
fn silence_at_debug_level() {
    let database = Database::new("silence_debug");
    let (mut client, notices) = listening(&database);
    client
        .batch_execute("CREATE TABLE load (x int); SET client_min_messages = debug1")
        .unwrap();
    client
        .batch_execute("CREATE TABLE a (x int); CREATE TABLE b AS SELECT 1 AS x; DROP TABLE a")
        .unwrap();
    let ours: Vec<String> = taken(&notices)
        .into_iter()
        .filter(|n| n.contains("dts") || n.contains("capture"))
        .collect();
    assert_eq!(ours, Vec::<String>::new());
}

/// Other vendors' capture is reported by a warning each, and does no harm.
#[test]
fn rivals() {
    let database = Database::bare("rivals");
    let (mut client, notices) = listening(&database);
    let names = [
        "awsdms_intercept_ddl",
        "hwdrs_ddl_event",
        "udts_capture",
        "ape_dts_ddl",
        "pgl_ddl_deploy_auto_trigger_create",
        "my_own_audit",
        "\"AwsDms_x\"",
    ];
    client
        .batch_execute("CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        .unwrap();
    for name in names {
        client
            .batch_execute(&format!(
                "CREATE EVENT TRIGGER {name} ON ddl_command_end EXECUTE FUNCTION f()"
            ))
            .unwrap();
    }
    taken(&notices);
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    let mut got = taken(&notices);
    got.retain(|n| !n.contains("AwsDms"));
    got.sort();
    let mut want: Vec<String> = names[..5]
        .iter()
        .map(|name| format!("WARNING: another DDL capture is present: event trigger \"{name}\""))
        .collect();
    want.sort();
    assert_eq!(got, want);
    client.batch_execute("CREATE TABLE a (x int)").unwrap();
    database.expect(&["CREATE TABLE a (x int)"]);
}

/// Without a rival CREATE EXTENSION says nothing.
#[test]
fn no_rivals() {
    let database = Database::bare("no_rivals");
    let (mut client, notices) = listening(&database);
    client.batch_execute("CREATE EXTENSION dts_ddl_capture; DROP EXTENSION dts_ddl_capture; CREATE EXTENSION dts_ddl_capture").unwrap();
    assert_eq!(taken(&notices), Vec::<String>::new());
}

/// `on_error = warning`: the client's DDL goes through; it gets no error. What the server log says is tested in `cluster`.
#[test]
fn gap_warning() {
    let database = Database::new("gap_warning");
    let (mut client, notices) = listening(&database);
    client
        .batch_execute(
            "SET dts_ddl_capture.on_error = warning; SET session_replication_role = replica;
             ALTER TABLE public.dts_ddl_command RENAME TO elsewhere; RESET session_replication_role",
        )
        .unwrap();
    taken(&notices);
    client.batch_execute("CREATE TABLE a (x int)").unwrap();
    let got = taken(&notices);
    assert!(
        got.iter().all(|notice| notice.starts_with("WARNING: ")),
        "{got:?}"
    );
    assert_eq!(
        database.value("SELECT to_regclass('a') IS NOT NULL"),
        "true"
    );
}

/// Placeholders that an unprivileged user set before the library came: PostgreSQL warns, nothing is taken over.
#[test]
fn placeholders_warn() {
    if super::server::preloaded() {
        return super::server::skipped(
            "placeholders_warn",
            "with the library loaded from the start, SET itself is refused",
        );
    }
    let database = Database::new("placeholder_warning");
    drop(database.connect_as("placeholder_app"));
    let notices = Notices::default();
    let sink = notices.clone();
    let mut client = database
        .config()
        .user("placeholder_app")
        .notice_callback(move |notice| sink.lock().unwrap().push(notice))
        .connect(NoTls)
        .unwrap();
    client
        .batch_execute("SET dts_ddl_capture.enabled = off; CREATE TABLE placeholder_app.a (x int)")
        .unwrap();
    assert_eq!(database.texts(), ["CREATE TABLE placeholder_app.a (x int)"]);
    let got = taken(&notices);
    assert!(
        got.iter()
            .any(|n| n.contains("permission denied to set parameter \"dts_ddl_capture.enabled\"")),
        "{got:?}"
    );
}
