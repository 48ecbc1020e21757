//! Failures of the capture itself that SQL alone cannot bring about. See also `pg_test/failure/`.

use super::server::{Database, value};
use std::sync::atomic::{AtomicBool, Ordering};

/// The capture table is locked exclusively: DDL waits like any command, and gives up at the user's lock_timeout.
#[test]
fn locked_capture_table() {
    let database = Database::new("locked");
    let mut owner = database.connect();
    owner
        .batch_execute("BEGIN; LOCK TABLE public.dts_ddl_command IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let mut session = database.connect();
    session.batch_execute("SET lock_timeout = '200ms'").unwrap();
    let error = session.batch_execute("CREATE TABLE a (x int)").unwrap_err();
    assert_eq!(
        error.code().map(postgres::error::SqlState::code),
        Some("55P03"),
        "{error:?}"
    );
    let error = session
        .batch_execute("CREATE TABLE a AS SELECT 1 AS x")
        .unwrap_err();
    assert_eq!(
        error.code().map(postgres::error::SqlState::code),
        Some("55P03"),
        "{error:?}"
    );
    owner.batch_execute("COMMIT").unwrap();
    session.batch_execute("CREATE TABLE a (x int)").unwrap();
    database.expect(&["CREATE TABLE a (x int)"]);
}

/// A command that fails while the library is loaded for it, inside of a function: what is noted of it ends with the transaction, or
/// the subtransaction, and not with the memory of the call, which may stay until ROLLBACK has run.
#[test]
fn first_command_fails_in_a_function() {
    let database = Database::new("first_fails");
    let mut owner = database.connect();
    owner
        .batch_execute("CREATE TABLE a (x int); INSERT INTO a VALUES (1)")
        .unwrap();
    // the check fails when the column is there already
    let fails = "ALTER TABLE a ADD COLUMN y int DEFAULT 1, ADD CHECK (y > 1)";
    let mut session = database.connect();
    session
        .batch_execute(&format!("BEGIN; DO $$ BEGIN EXECUTE '{fails}'; END $$"))
        .unwrap_err();
    session.batch_execute("COMMIT").unwrap();
    let mut session = database.connect();
    session
        .batch_execute(&format!(
            "BEGIN; DO $$ BEGIN
               BEGIN EXECUTE '{fails}'; EXCEPTION WHEN check_violation THEN NULL; END;
               PERFORM count(*) FROM a; CREATE TABLE b (x int); PERFORM count(*) FROM b;
             END $$; SELECT count(*) FROM b; COMMIT"
        ))
        .unwrap();
    database.expect(&["CREATE TABLE a (x int)", "CREATE TABLE b (x int)"]);
}

/// A maintenance job on the capture table (VACUUM, REINDEX CONCURRENTLY, ANALYZE, CLUSTER) beside running DDL.
#[test]
fn maintenance_beside_ddl() {
    let database = Database::new("maintenance");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut client = database.connect();
            client
                .batch_execute("SET dts_ddl_capture.max_rows = 50")
                .unwrap();
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                client.batch_execute("CREATE TYPE m AS ENUM ()").unwrap();
                client.batch_execute("DROP TYPE m").unwrap();
                count += 1;
            }
            count
        });
        let mut owner = database.connect();
        owner
            .batch_execute("SET session_replication_role = replica")
            .unwrap();
        for statement in [
            "VACUUM public.dts_ddl_command",
            "VACUUM FULL public.dts_ddl_command",
            "REINDEX TABLE CONCURRENTLY public.dts_ddl_command",
            "CLUSTER public.dts_ddl_command USING dts_ddl_command_pkey",
            "ANALYZE public.dts_ddl_command",
            "TRUNCATE public.dts_ddl_command",
        ] {
            owner
                .batch_execute(statement)
                .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(worker.join().expect("DDL beside maintenance") > 5);
    });
    database.expect_sound();
}

/// A table changed between two commands of a session that knows it already (cached structure must not be trusted).
#[test]
fn changed_under_a_session() {
    let database = Database::new("changed");
    let mut session = database.connect();
    let mut owner = database.connect();
    owner
        .batch_execute("SET session_replication_role = replica")
        .unwrap();
    session.batch_execute("CREATE TABLE a (x int)").unwrap();
    for (breaking, mending) in [
        (
            "ALTER TABLE public.dts_ddl_command RENAME COLUMN message TO msg",
            "ALTER TABLE public.dts_ddl_command RENAME COLUMN msg TO message",
        ),
        (
            "ALTER TABLE public.dts_ddl_command ALTER COLUMN client_port TYPE bigint",
            "ALTER TABLE public.dts_ddl_command ALTER COLUMN client_port TYPE integer",
        ),
        (
            "ALTER TABLE public.dts_ddl_command ALTER COLUMN tag TYPE varchar(5) USING left(tag, 5)",
            "ALTER TABLE public.dts_ddl_command ALTER COLUMN tag TYPE text",
        ),
        (
            "ALTER TABLE public.dts_ddl_command RENAME TO moved",
            "ALTER TABLE public.moved RENAME TO dts_ddl_command",
        ),
    ] {
        owner.batch_execute(breaking).unwrap();
        for statement in [
            "CREATE TABLE b (x int)",
            "CREATE TABLE b AS SELECT 1 AS x",
            "DROP TABLE a",
        ] {
            let error = session.batch_execute(statement).unwrap_err();
            assert_eq!(
                error.code().map(postgres::error::SqlState::code),
                Some("55000"),
                "{breaking}, {statement}: {error:?}"
            );
        }
        owner.batch_execute(mending).unwrap();
        session
            .batch_execute("CREATE TABLE b (x int); DROP TABLE b")
            .unwrap();
        assert_eq!(
            value(
                &mut session,
                "SELECT count(*) FROM public.dts_ddl_command WHERE tag LIKE 'CREA%'"
            ),
            {
                let expected = database
                    .texts()
                    .iter()
                    .filter(|text| text.starts_with("CREATE"))
                    .count();
                expected.to_string()
            }
        );
    }
    // what an owner may well do is no change: a wider varchar, storage, an index, a statistics target, a comment
    owner
        .batch_execute(
            "ALTER TABLE public.dts_ddl_command ALTER COLUMN ddl_text SET STORAGE EXTERNAL; CREATE INDEX ON public.dts_ddl_command (event_time);
             ALTER TABLE public.dts_ddl_command ALTER COLUMN tag SET STATISTICS 10; COMMENT ON COLUMN public.dts_ddl_command.tag IS 'x'",
        )
        .unwrap();
    session.batch_execute("CREATE TABLE c (x int)").unwrap();
    assert_eq!(
        database.texts().last().map(String::as_str),
        Some("CREATE TABLE c (x int)")
    );
}

/// A read-only transaction and a hot DDL error stay PostgreSQL's own.
#[test]
fn read_only_transaction() {
    let database = Database::new("read_only");
    let mut session = database.connect();
    session.batch_execute("BEGIN READ ONLY").unwrap();
    let error = session.batch_execute("CREATE TABLE a (x int)").unwrap_err();
    assert_eq!(
        error.code().map(postgres::error::SqlState::code),
        Some("25006"),
        "{error:?}"
    );
    session
        .batch_execute("ROLLBACK; BEGIN READ ONLY; SELECT 1; COMMIT")
        .unwrap();
    assert_eq!(database.texts(), Vec::<String>::new());
}

/// The row cannot be written in a block of another event trigger, which catches the error: it is written at the end of the
/// command, with all that was noted of it.
#[test]
fn failure_in_a_block_of_another_trigger() {
    let database = Database::new("failure_in_a_block");
    let mut owner = database.connect();
    owner
        .batch_execute(
            "CREATE TABLE a (x int); CREATE TABLE log (what text);
             CREATE FUNCTION log() RETURNS event_trigger LANGUAGE plpgsql AS $$
             DECLARE done text;
             BEGIN
               BEGIN
                 INSERT INTO public.log VALUES (tg_tag);
               EXCEPTION WHEN lock_not_available THEN
                 -- expressions that PL/pgSQL computes without running a query, before which the row would be tried again
                 done := set_config('lock_timeout', '0', true);
                 done := pg_advisory_lock_shared(1)::text;
               END;
             END $$;
             CREATE EVENT TRIGGER a_log ON ddl_command_end WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION log()",
        )
        .unwrap();
    owner
        .batch_execute(
            "BEGIN; SELECT pg_advisory_xact_lock(1); LOCK TABLE public.dts_ddl_command IN ACCESS EXCLUSIVE MODE",
        )
        .unwrap();
    std::thread::scope(|scope| {
        let session = scope.spawn(|| {
            let mut session = database.connect();
            session
                .batch_execute("SET lock_timeout = '200ms'; DROP TABLE a")
                .unwrap();
        });
        while value(
            &mut owner,
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
        ) != "1"
        {
            assert!(!session.is_finished(), "the block was not reached");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        owner.batch_execute("COMMIT").unwrap();
        session.join().expect("DROP TABLE");
    });
    assert_eq!(
        value(
            &mut owner,
            "SELECT object_name || (message::jsonb -> 'objects')::text FROM public.dts_ddl_command WHERE tag = 'DROP TABLE'"
        ),
        r#"public.a[{"op": "drop", "type": "table", "identity": "public.a", "original": true}]"#
    );
}
