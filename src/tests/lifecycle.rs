//! Sessions older than the extension, and DROP EXTENSION under running DDL.

use super::server::{Database, admin, value};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A session that was open before CREATE EXTENSION is captured from its next DDL on, wherever it stands.
#[test]
fn session_older_than_the_extension() {
    let database = Database::bare("older");
    let mut idle = database.connect();
    let mut used = database.connect();
    let mut in_transaction = database.connect();
    let mut prepared = database.connect();
    used.batch_execute("CREATE TABLE before_1 (x int); SELECT 1 AS x INTO before_2")
        .unwrap();
    used.batch_execute("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE IF NOT EXISTS by_f (x int); DROP TABLE by_f; END $$; SELECT f()").unwrap();
    in_transaction
        .batch_execute("BEGIN; SELECT count(*) FROM pg_class")
        .unwrap();
    let statement = prepared
        .prepare("CREATE TABLE by_prepared (x int)")
        .unwrap();
    database
        .connect()
        .batch_execute("CREATE EXTENSION dts_ddl_capture")
        .unwrap();
    idle.batch_execute("CREATE TABLE a (x int)").unwrap();
    used.batch_execute("SELECT f()").unwrap();
    used.batch_execute("SELECT 1 AS x INTO b").unwrap();
    in_transaction
        .batch_execute("CREATE TABLE c (x int); COMMIT")
        .unwrap();
    prepared.execute(&statement, &[]).unwrap();
    database.expect(&[
        "CREATE TABLE a (x int)",
        "CREATE TABLE IF NOT EXISTS by_f (x int)",
        "DROP TABLE by_f",
        "CREATE TABLE public.b (x integer)",
        "CREATE TABLE c (x int)",
        "CREATE TABLE by_prepared (x int)",
    ]);
}

/// Sessions that have the library go on undisturbed after DROP EXTENSION, and capture again after CREATE EXTENSION.
#[test]
fn sessions_survive_drop_and_create() {
    let database = Database::new("survive");
    let mut session = database.connect();
    let mut owner = database.connect();
    for round in 0..3 {
        session
            .batch_execute(&format!(
                "CREATE TABLE with_{round} (x int); CREATE TABLE with_as_{round} AS SELECT 1 AS x"
            ))
            .unwrap();
        database.expect(&[
            &format!("CREATE TABLE with_{round} (x int)"),
            &format!("CREATE TABLE public.with_as_{round} (x integer)"),
        ]);
        owner
            .batch_execute("DROP EXTENSION dts_ddl_capture")
            .unwrap();
        session
            .batch_execute(&format!("CREATE TABLE without_{round} (x int); SELECT 1 AS x INTO without_as_{round}; DROP TABLE without_{round}; ALTER TABLE without_as_{round} ADD COLUMN y float8 DEFAULT random()"))
            .unwrap();
        assert_eq!(
            value(
                &mut session,
                &format!("SELECT relreplident FROM pg_class WHERE relname = 'without_as_{round}'")
            ),
            "d"
        );
        owner
            .batch_execute("CREATE EXTENSION dts_ddl_capture")
            .unwrap();
    }
}

/// PostgreSQL reads the list of event triggers and looks up their functions a moment later: one that is dropped in between
/// is this error, with any event trigger in any language, before a function of ours is reached.
fn is_postgresql_own_race(error: &postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        error.code().code() == "XX000"
            && error.routine() == Some("fmgr_info_cxt_security")
            && error
                .message()
                .starts_with("cache lookup failed for function")
    })
}

/// DROP EXTENSION and CREATE EXTENSION again and again while other sessions run DDL: no session sees an error of
/// ours, none waits for ever, nothing is left at the end.
#[test]
fn drop_extension_under_load() {
    let database = Database::new("drop_load");
    let stop = AtomicBool::new(false);
    let rounds = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for worker in 0..3 {
            let (database, stop, rounds) = (&database, &stop, &rounds);
            workers.push(scope.spawn(move || {
                let mut client = database.connect();
                client.batch_execute("SET statement_timeout = '60s'; SET client_min_messages = error").unwrap();
                while !stop.load(Ordering::Relaxed) {
                    for statement in [
                        format!("CREATE TABLE w{worker} (x int)"),
                        format!("ALTER TABLE w{worker} ADD COLUMN y int; COMMENT ON TABLE w{worker} IS 'x'"),
                        format!("CREATE TABLE w{worker}_as AS SELECT 1 AS x"),
                        format!("DO $$ BEGIN DROP TABLE w{worker}; EXECUTE 'DROP TABLE w{worker}_as'; END $$"),
                    ] {
                        while let Err(error) = client.batch_execute(&statement) {
                            if !is_postgresql_own_race(&error) {
                                stop.store(true, Ordering::Relaxed);
                                panic!("{statement}: {error:?}");
                            }
                        }
                    }
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        let mut owner = database.connect();
        owner
            .batch_execute("SET statement_timeout = '60s'; SET client_min_messages = error")
            .unwrap();
        for _ in 0..25 {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            owner
                .batch_execute("DROP EXTENSION dts_ddl_capture")
                .expect("DROP EXTENSION under load");
            std::thread::sleep(std::time::Duration::from_millis(20));
            owner
                .batch_execute("CREATE EXTENSION dts_ddl_capture")
                .expect("CREATE EXTENSION under load");
            std::thread::sleep(std::time::Duration::from_millis(40));
        }
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().expect("a session under load");
        }
    });
    assert!(rounds.load(Ordering::Relaxed) > 10, "the load ran");
    database.expect_sound();
    database
        .connect()
        .batch_execute("DROP EXTENSION dts_ddl_capture")
        .unwrap();
    assert_eq!(
        database.value(
            "SELECT (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_class WHERE relname LIKE 'dts%')
                    + (SELECT count(*) FROM pg_proc WHERE proname LIKE '%capture%') + (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'dts%')"
        ),
        "0"
    );
}

/// A session that ends, or is ended, in the middle of DDL leaves nothing behind.
#[test]
fn terminated_sessions() {
    let database = Database::new("terminated");
    let mut session = database.connect();
    let pid: i32 = session
        .query_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    session
        .batch_execute("BEGIN; CREATE TABLE lost (x int); CREATE TABLE lost_as AS SELECT 1 AS x")
        .unwrap();
    admin()
        .query_one("SELECT pg_terminate_backend($1)", &[&pid])
        .unwrap();
    session.batch_execute("SELECT 1").unwrap_err();
    // and one that is in the middle of filling a table
    let (config, worker_database) = (database.config(), &database);
    std::thread::scope(|scope| {
        let victim = scope.spawn(move || {
            let mut client = config.connect(postgres::NoTls).unwrap();
            client
                .batch_execute("CREATE TABLE victim AS SELECT pg_sleep(60)::text AS x")
                .unwrap_err();
        });
        let mut admin = admin();
        let mut ended = false;
        for _ in 0..200 {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let rows = admin
                .query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'CREATE TABLE victim%' AND wait_event = 'PgSleep'",
                    &[&worker_database.name],
                )
                .unwrap();
            if !rows.is_empty() {
                ended = true;
                break;
            }
        }
        assert!(ended, "the session was found");
        victim.join().unwrap();
    });
    // a client that goes away without a word, with an open transaction
    let mut gone = database.connect();
    gone.batch_execute("BEGIN; CREATE TABLE lost2 (x int)")
        .unwrap();
    drop(gone);
    let mut next = database.connect();
    next.batch_execute("SET lock_timeout = '10s'; CREATE TABLE lost (x int); CREATE TABLE lost2 (x int); CREATE TABLE victim (x int)").unwrap();
    database.expect(&[
        "CREATE TABLE lost (x int)",
        "CREATE TABLE lost2 (x int)",
        "CREATE TABLE victim (x int)",
    ]);
}
