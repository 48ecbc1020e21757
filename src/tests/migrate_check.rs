//! `dts-migrate check`: each kind of trouble is found, on the side where it is, and nothing where there is none.

use super::cluster::{self, Cluster};
use super::pair::Servers;
use super::server::server;
use dts_migrate::check::report::{Level, Report};
use dts_migrate::check::{Options, check};
use dts_migrate::connection::{Server, Side};

fn checked(source: (&Cluster, &str), target: (&Cluster, &str), trust_source: bool) -> Report {
    let options = Options {
        trust_source,
        pg_bin: source
            .0
            .installation
            .program("psql")
            .parent()
            .map(Into::into),
        ..Options::default()
    };
    let of =
        |side, (cluster, database): (&Cluster, &str)| Server::of(side, cluster.config(database));
    check(
        &of(Side::Source, source),
        &of(Side::Destination, target),
        &options,
    )
    .unwrap_or_else(|problem| panic!("{problem}"))
}

/// That this is said of the subject, at this level.
#[track_caller]
fn says(report: &Report, level: Level, subject: &str, words: &str) {
    let said = report
        .of(subject)
        .any(|finding| finding.level == level && finding.found.contains(words));
    assert!(said, "{subject}, {level:?}: {words}\n{}", report.text(true));
}

#[test]
fn trouble() {
    let source = cluster::fresh();
    source.start("-c wal_level=replica -c max_prepared_transactions=5 -c max_wal_senders=1 -c max_slot_wal_keep_size=64MB");
    source
        .connect("postgres")
        .batch_execute("CREATE DATABASE app")
        .expect("a database");
    let mut client = source.connect("app");
    for statement in [
        "CREATE TABLE keyed (id int PRIMARY KEY, v text)",
        "CREATE TABLE keyless (v jsonb)",
        "CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE)",
        "CREATE TYPE pair AS (p point, n int)",
        "CREATE TABLE unequal (v pair[])",
        "CREATE TABLE full_with_key (id int PRIMARY KEY, v json)",
        "ALTER TABLE full_with_key REPLICA IDENTITY FULL",
        "CREATE TABLE generated (a int, g int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)",
        "CREATE UNLOGGED TABLE fleeting (a int)",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER always BEFORE INSERT ON keyed FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TABLE keyed ENABLE ALWAYS TRIGGER always",
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER somebodys ON ddl_command_end EXECUTE FUNCTION e()",
        "CREATE PUBLICATION other FOR TABLE keyed",
        "SELECT lo_from_bytea(0, 'x')",
        "CREATE SCHEMA dts_migrate",
        // last, since it gives tables that are made without a key an identity itself
        "CREATE EXTENSION dts_ddl_capture",
        "CREATE ROLE migrate_check_writer",
        "GRANT INSERT ON public.dts_ddl_command TO migrate_check_writer",
    ] {
        client
            .batch_execute(statement)
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    client
        .batch_execute("BEGIN; INSERT INTO keyed VALUES (1); PREPARE TRANSACTION 'forgotten'")
        .expect("a prepared transaction");
    let servers = Servers::shared();
    let target = &servers.destination;
    let report = checked((&source, "app"), (target, "migrate_check_new"), false);
    assert_eq!(report.exit_status(), 1);
    use Level::{Decide, Must, Ok};
    for (level, subject, words) in [
        (Must, "wal_level", "source: replica"),
        (Must, "slots", "max_wal_senders = 1"),
        (Must, "writers", "migrate_check_writer can write"),
        (Must, "own schema", "source: schema dts_migrate"),
        (
            Must,
            "keys",
            "generated column is in the key of public.generated",
        ),
        (
            Decide,
            "keys",
            "3 tables have no usable key: start sets REPLICA IDENTITY FULL",
        ),
        (
            Decide,
            "keys",
            "public.deferred, public.keyless, public.unequal",
        ),
        (Decide, "keys", "type without equality: public.unequal (v):"),
        (Decide, "transactions", "'forgotten' (app)"),
        (Decide, "wal kept", "max_slot_wal_keep_size = 64 MB"),
        (Decide, "triggers", "always on public.keyed"),
        (Decide, "event triggers", "somebodys"),
        (Decide, "unlogged", "public.fleeting"),
        (
            Decide,
            "large objects",
            "1 large object is not in the stream",
        ),
        (
            Decide,
            "replication",
            "publications and their consumers do not travel: other",
        ),
        (
            Ok,
            "databases",
            "start makes database \"migrate_check_new\"",
        ),
        (Ok, "roles", "migrate_check_writer: start makes them"),
        (Ok, "extension", "source: dts_ddl_capture"),
        (Ok, "network", "target: "),
        (Ok, "time", "about "),
    ] {
        says(&report, level, subject, words);
    }
    let level = if server().major < 16 { Must } else { Ok };
    says(&report, level, "apply", "target: ");
    assert!(
        !report.text(true).contains("full_with_key ("),
        "{}",
        report.text(true)
    );

    // the other way about, the target being what the source was
    let report = checked((target, "postgres"), (&source, "app"), true);
    for (level, subject, words) in [
        (Must, "empty", "the database has"),
        (Must, "own schema", "target: schema dts_migrate"),
        (Ok, "apply", "the source is trusted"),
    ] {
        says(&report, level, subject, words);
    }
    let report = checked((&source, "app"), (&source, "app"), true);
    says(&report, Must, "databases", "the same database");
}

/// Nothing has to be mended between two servers that are as they should be; and looking has changed nothing.
#[test]
fn no_trouble() {
    let servers = Servers::shared();
    let mut admin = servers.source.connect("postgres");
    admin
        .batch_execute("CREATE DATABASE migrate_check_source TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        .expect("a database");
    let mut client = servers.source.connect("migrate_check_source");
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000)",
        )
        .expect("a table");
    let report = checked(
        (&servers.source, "migrate_check_source"),
        (&servers.destination, "migrate_check_nowhere"),
        true,
    );
    // other tests that run at the same time may leave too few slots, or have roles and tablespaces
    let shared = [
        "slots",
        "workers",
        "tablespaces",
        "transactions",
        "collations",
    ];
    let musts = report
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Must);
    let musts: Vec<_> = musts
        .filter(|finding| !shared.contains(&finding.subject))
        .collect();
    assert!(musts.is_empty(), "{}", report.text(true));
    assert!(
        report.text(false).contains("(-v names them)")
            && !report.text(false).contains("\n  sequences")
    );
    assert!(
        report
            .json()
            .is_ok_and(|json| json.contains(r#""subject":"wal_level""#))
    );
    let made = servers.destination.connect("postgres").query(
        "SELECT FROM pg_database WHERE datname = 'migrate_check_nowhere'",
        &[],
    );
    assert!(made.expect("databases").is_empty());
}
