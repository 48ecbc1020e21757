//! What needs a server of its own: preloading into the whole server, the server log, pg_upgrade's mode.

use super::cluster;
use super::server::value;
use postgres::Client;

fn texts(client: &mut Client) -> Vec<String> {
    let rows = client
        .query(
            "SELECT ddl_text FROM public.dts_ddl_command ORDER BY id",
            &[],
        )
        .expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

/// `shared_preload_libraries`: everything as without it, also in databases without the extension, in background
/// workers, and with an extension that hooks before and after us.
#[test]
fn shared_preload() {
    let cluster = cluster::fresh();
    cluster.start("-c shared_preload_libraries=dts_ddl_capture -c wal_level=logical");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute(
            "CREATE TABLE before (x int); CREATE TABLE before2 AS SELECT 1 AS x; DROP TABLE before",
        )
        .unwrap();
    assert_eq!(
        value(
            &mut client,
            "SELECT relreplident FROM pg_class WHERE relname = 'before2'"
        ),
        "d"
    );
    assert_eq!(
        value(
            &mut client,
            "SELECT current_setting('dts_ddl_capture.max_rows')"
        ),
        "10000"
    );
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    client
        .batch_execute("CREATE PUBLICATION dts_sync_x")
        .unwrap();
    client
        .batch_execute(
            "CREATE TABLE a (x int); INSERT INTO a VALUES (1); /* c */ DROP TABLE a;
             DO $$ BEGIN EXECUTE 'CREATE TABLE b (x int); DROP TABLE b'; END $$; SELECT 1 AS x INTO c",
        )
        .unwrap();
    assert_eq!(
        texts(&mut client)[1..],
        [
            "CREATE TABLE a (x int)",
            "DROP TABLE a",
            "CREATE TABLE b (x int)",
            "DROP TABLE b",
            "CREATE TABLE public.c (x integer)"
        ]
    );
    assert_eq!(
        value(&mut client, "SELECT count(*) FROM pg_publication_tables"),
        "1"
    );
    // a value in postgresql.conf or on the command line reaches the library
    drop(client);
    cluster.stop("fast");
    cluster.start("-c shared_preload_libraries=dts_ddl_capture -c dts_ddl_capture.max_rows=3 -c wal_level=logical");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("CREATE TABLE d (x int); CREATE TABLE e (x int); CREATE TABLE f (x int)")
        .unwrap();
    assert_eq!(
        texts(&mut client),
        [
            "CREATE TABLE d (x int)",
            "CREATE TABLE e (x int)",
            "CREATE TABLE f (x int)"
        ]
    );
    client
        .batch_execute(
            "DROP EXTENSION dts_ddl_capture; CREATE TABLE after (x int); SELECT 1 AS x INTO after2",
        )
        .unwrap();
    assert_eq!(
        value(
            &mut client,
            "SELECT count(*) FROM pg_class WHERE relname LIKE 'dts_ddl%'"
        ),
        "0"
    );
}

/// A wrong value in postgresql.conf must not keep the server or a session from starting.
#[test]
fn wrong_value_in_the_configuration() {
    let cluster = cluster::fresh();
    cluster.start("-c dts_ddl_capture.max_rows=nonsense -c dts_ddl_capture.on_error=ignore -c wal_level=logical");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    client.batch_execute("CREATE TABLE a (x int)").unwrap();
    assert_eq!(texts(&mut client), ["CREATE TABLE a (x int)"]);
    assert_eq!(
        value(
            &mut client,
            "SELECT current_setting('dts_ddl_capture.max_rows')"
        ),
        "10000"
    );
    assert_eq!(
        value(
            &mut client,
            "SELECT current_setting('dts_ddl_capture.on_error')"
        ),
        "error"
    );
}

/// `on_error = warning`: the gap is in the server log with the full statement, and without its secrets.
#[test]
fn gap_in_the_server_log() {
    let cluster = cluster::fresh();
    cluster.start("-c dts_ddl_capture.on_error=warning -c log_min_messages=warning -c log_min_error_statement=panic");
    let mut client = cluster.connect("postgres");
    client.batch_execute("CREATE EXTENSION dts_ddl_capture; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w").unwrap();
    client
        .batch_execute(
            "SET session_replication_role = replica; ALTER TABLE public.dts_ddl_command RENAME TO elsewhere;
             RESET session_replication_role",
        )
        .unwrap();
    let long = format!(
        "CREATE TABLE gap (x int DEFAULT 1 /* {} */, last_column text)",
        "long ".repeat(1000)
    );
    client
        .batch_execute(&format!("SELECT 1; {long}; SELECT 2"))
        .unwrap();
    client
        .batch_execute("CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 's3cret')")
        .unwrap();
    let log = cluster.log();
    assert!(
        log.contains(&long),
        "the full statement is in the log:\n{log}"
    );
    assert!(
        log.contains("does not exist"),
        "the reason is in the log:\n{log}"
    );
    assert!(
        log.contains("CREATE USER MAPPING FOR PUBLIC SERVER s"),
        "the second gap is in the log:\n{log}"
    );
    assert!(!log.contains("s3cret"), "a secret is in the log:\n{log}");
    assert_eq!(value(&mut client, "SELECT dts_ddl.gaps()"), "2");
}

/// pg_upgrade restores the schema with `postgres -b`: nothing is captured then.
#[test]
fn binary_upgrade() {
    let cluster = cluster::fresh();
    cluster.start("");
    cluster
        .connect("postgres")
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    cluster.stop("fast");
    for preload in ["", "-c shared_preload_libraries=dts_ddl_capture"] {
        cluster.start(&format!("-b {preload}"));
        let mut client = cluster.connect("postgres");
        client
            .batch_execute(
                "COMMENT ON SCHEMA public IS 'upgrading'; GRANT USAGE ON SCHEMA public TO PUBLIC",
            )
            .unwrap();
        assert_eq!(
            value(&mut client, "SELECT count(*) FROM public.dts_ddl_command"),
            "0"
        );
        drop(client);
        cluster.stop("fast");
    }
    cluster.start("");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("COMMENT ON SCHEMA public IS 'upgraded'")
        .unwrap();
    assert_eq!(
        texts(&mut client),
        ["COMMENT ON SCHEMA public IS 'upgraded'"]
    );
}

/// The server survives its restart with rows, settings and counters.
#[test]
fn restart() {
    let cluster = cluster::fresh();
    cluster.start("");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture; SET dts_ddl_capture.max_rows = 2")
        .unwrap();
    for i in 0..5 {
        client
            .batch_execute(&format!("CREATE TABLE t{i} (x int)"))
            .unwrap();
    }
    let pruned = value(&mut client, "SELECT dts_ddl.pruned_through()");
    drop(client);
    cluster.stop("immediate");
    cluster.start("");
    let mut client = cluster.connect("postgres");
    assert_eq!(
        value(&mut client, "SELECT dts_ddl.pruned_through()"),
        pruned
    );
    client.batch_execute("CREATE TABLE after (x int)").unwrap();
    assert_eq!(
        texts(&mut client),
        [
            "CREATE TABLE t3 (x int)",
            "CREATE TABLE t4 (x int)",
            "CREATE TABLE after (x int)"
        ]
    );
}

/// `dts_ddl.script()` and `dts_ddl.last_id()` read only: they work on a standby, and say the same there.
#[test]
fn script_on_a_standby() {
    const SCRIPT: &str =
        "SELECT string_agg(s, E'\n') FROM dts_ddl.script(dts_ddl.pruned_through()) s";
    let cluster = cluster::fresh();
    cluster.start("-c wal_level=logical");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute(
            "CREATE EXTENSION dts_ddl_capture; SET dts_ddl_capture.max_rows = 3;
             DO $$ BEGIN FOR i IN 1..5 LOOP EXECUTE format('CREATE TABLE t%s (x int)', i); END LOOP; END $$",
        )
        .unwrap();
    let want = value(&mut client, SCRIPT);
    drop(client);
    let standby = cluster.standby();
    // The primary is not needed: what is in the backup is enough to become consistent.
    cluster.stop("fast");
    standby.start("");
    let mut client = standby.connect("postgres");
    let in_recovery = value(&mut client, "SELECT pg_is_in_recovery()");
    let got = value(&mut client, SCRIPT);
    let last_id = value(&mut client, "SELECT dts_ddl.last_id()");
    assert_eq!((in_recovery.as_str(), last_id.as_str()), ("true", "5"));
    assert!(got.contains("CREATE TABLE t5"), "{got}");
    assert_eq!(got, want);
}

/// A standby that is promoted goes on where the primary stopped: rows, ids, retention.
#[test]
fn promoted_standby() {
    const STATE: &str = "SELECT format('%s %s %s %s', dts_ddl.last_id(), dts_ddl.pruned_through(), dts_ddl.gaps(),
                                       (SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM public.dts_ddl_command c))";
    let cluster = cluster::fresh();
    cluster.start("-c wal_level=logical");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute(
            "CREATE EXTENSION dts_ddl_capture; ALTER DATABASE postgres SET dts_ddl_capture.max_rows = 3;
             SET dts_ddl_capture.max_rows = 3; CREATE TABLE t0 (x int); CREATE TABLE t1 (x int)",
        )
        .unwrap();
    let standby = cluster.standby();
    standby.start("");
    // through the stream, a transaction that is rolled back among it
    client
        .batch_execute("CREATE TABLE t2 (x int); BEGIN; CREATE TABLE lost (x int); ROLLBACK; CREATE TABLE t3 (x int); CREATE TABLE t4 (x int)")
        .unwrap();
    let want = value(&mut client, STATE);
    let position = value(&mut client, "SELECT pg_current_wal_flush_lsn()");
    let mut second = standby.connect("postgres");
    let arrived = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
    for _ in 0..600 {
        if value(&mut second, &arrived) == "true" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(value(&mut second, STATE), want);
    let error = second.batch_execute("CREATE TABLE t5 (x int)").unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("25006"));
    drop(client);
    cluster.stop("immediate");
    assert_eq!(value(&mut second, "SELECT pg_promote(true, 60)"), "true");
    assert_eq!(value(&mut second, STATE), want);
    second.batch_execute("CREATE TABLE t5 (x int)").unwrap();
    let mut fresh = standby.connect("postgres");
    fresh.batch_execute("CREATE TABLE t6 (x int)").unwrap();
    let rows = fresh
        .query(
            "SELECT id, ddl_text FROM public.dts_ddl_command ORDER BY id",
            &[],
        )
        .unwrap();
    let rows: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected = [(6, "t4"), (7, "t5"), (8, "t6")];
    let expected: Vec<(i64, String)> = expected
        .iter()
        .map(|(id, name)| (*id, format!("CREATE TABLE {name} (x int)")))
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(value(&mut fresh, "SELECT dts_ddl.pruned_through()"), "5");
}
