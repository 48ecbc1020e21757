//! Two sessions in each other's way at the worst moment.

use super::server::Database;
use std::time::Duration;

/// Long enough for the other session to run into the lock.
pub const A_WHILE: Duration = Duration::from_millis(700);

/// A publication that is dropped while a new table is about to join it: no membership of a publication that is gone, which
/// would make every later command on the table fail.
#[test]
fn publication_dropped_meanwhile() {
    let database = Database::new("publication_race");
    let mut one = database.connect();
    one.batch_execute("CREATE PUBLICATION dts_sync_race; CREATE TABLE warm (x int)")
        .unwrap();
    one.batch_execute("BEGIN; DROP PUBLICATION dts_sync_race")
        .unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut two = database.connect();
            two.batch_execute("CREATE TABLE joined (x int primary key)")
                .unwrap();
        });
        std::thread::sleep(A_WHILE);
        one.batch_execute("COMMIT").unwrap();
        other.join().unwrap();
    });
    assert_eq!(
        database.value("SELECT count(*) FROM pg_publication_rel"),
        "0"
    );
    one.batch_execute("INSERT INTO joined VALUES (1); DELETE FROM joined; DROP TABLE joined")
        .unwrap();
    // and the other way round: the table joins first, the DROP PUBLICATION waits for it
    // not in one string with BEGIN, which would put it into the same transaction
    one.batch_execute("CREATE PUBLICATION dts_sync_race")
        .unwrap();
    one.batch_execute("BEGIN; CREATE TABLE first (x int primary key)")
        .unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut two = database.connect();
            two.batch_execute("DROP PUBLICATION dts_sync_race").unwrap();
        });
        std::thread::sleep(A_WHILE);
        one.batch_execute("COMMIT").unwrap();
        other.join().unwrap();
    });
    one.batch_execute("INSERT INTO first VALUES (1); DELETE FROM first; DROP TABLE first")
        .unwrap();
}

/// LOCK TABLE, then TRUNCATE or DROP EXTENSION, in one transaction: the DDL of another session waits and goes on; it never
/// ends in a deadlock.
#[test]
fn maintenance_in_one_transaction() {
    let database = Database::new("maintenance_race");
    let mut one = database.connect();
    for end in [
        "TRUNCATE public.dts_ddl_command RESTART IDENTITY",
        "ALTER TABLE public.dts_ddl_command OWNER TO CURRENT_USER",
        "DROP EXTENSION dts_ddl_capture",
    ] {
        one.batch_execute("BEGIN; LOCK TABLE public.dts_ddl_command")
            .unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut two = database.connect();
                two.batch_execute(
                    "CREATE TABLE waits (x int); DROP TABLE waits; CREATE TYPE wt AS ENUM (); DROP TYPE wt",
                )
            });
            std::thread::sleep(A_WHILE);
            let result = one.batch_execute(end);
            assert!(result.is_ok(), "{end}: {result:?}");
            one.batch_execute("COMMIT").unwrap();
            let result = other.join().unwrap();
            assert!(result.is_ok(), "DDL beside {end}: {result:?}");
        });
    }
}

/// A command cancelled while it waits for the capture table, under on_error = warning, inside a block that catches the
/// cancel: the session's transaction state stays in order.
#[test]
fn cancelled_while_recording() {
    let database = Database::new("cancel_race");
    let mut one = database.connect();
    let mut two = database.connect();
    two.batch_execute("CREATE TABLE warm (x int); SET dts_ddl_capture.on_error = warning; SET statement_timeout = '500ms'")
        .unwrap();
    one.batch_execute("BEGIN; LOCK TABLE public.dts_ddl_command")
        .unwrap();
    two.batch_execute(
        "DO $$ BEGIN CREATE TABLE q (x int); EXCEPTION WHEN query_canceled THEN NULL; END $$",
    )
    .unwrap();
    one.batch_execute("COMMIT").unwrap();
    two.batch_execute("RESET statement_timeout; CREATE TABLE after_cancel (x int)")
        .unwrap();
    two.batch_execute("BEGIN; CREATE TABLE once_more (x int); COMMIT")
        .unwrap();
    two.batch_execute("VACUUM warm").unwrap();
    database.expect(&[
        "CREATE TABLE warm (x int)",
        "CREATE TABLE after_cancel (x int)",
        "CREATE TABLE once_more (x int)",
    ]);
    assert_eq!(database.value("SELECT dts_ddl.gaps()"), "0");
}

/// Strangers' publications, and what strangers can do to others' ones, keep no CREATE TABLE waiting.
#[test]
fn publications_of_strangers() {
    let database = Database::new("stranger_race");
    let mut one = database.connect();
    let mut stranger = database.connect_as("publication_stranger");
    one.batch_execute(&format!(
        "GRANT CREATE ON DATABASE {} TO publication_stranger; CREATE PUBLICATION dts_sync_ours; SET lock_timeout = '2s'",
        database.name
    ))
    .unwrap();
    stranger
        .batch_execute("CREATE PUBLICATION dts_sync_x; SET lock_timeout = '5s'")
        .unwrap();
    let joined = "SELECT string_agg(DISTINCT pubname, ' ') FROM pg_publication_tables WHERE tablename <> 'dts_ddl_command'";
    for command in [
        "ALTER PUBLICATION dts_sync_x RENAME TO dts_sync_x2",
        "DROP PUBLICATION dts_sync_x",
        "COMMENT ON PUBLICATION dts_sync_x IS 'x'",
    ] {
        stranger.batch_execute("BEGIN").unwrap();
        stranger.batch_execute(command).unwrap();
        let result = one
            .batch_execute("CREATE TABLE a (x int); CREATE TABLE b AS SELECT 1 AS x; DROP TABLE b");
        assert!(result.is_ok(), "{command}: {result:?}");
        assert_eq!(database.value(joined), "dts_sync_ours");
        one.batch_execute("DROP TABLE a").unwrap();
        stranger.batch_execute("ROLLBACK").unwrap();
    }
    // An attempt that will be refused asks for the lock before it asks for the right.
    for command in [
        "DROP PUBLICATION dts_sync_ours",
        "ALTER PUBLICATION dts_sync_ours RENAME TO mine",
    ] {
        let mut holder = database.connect_as("publication_stranger");
        holder
            .batch_execute("BEGIN; CREATE TABLE publication_stranger.held (x int)")
            .unwrap();
        std::thread::scope(|scope| {
            let refused = scope.spawn(|| stranger.batch_execute(command));
            std::thread::sleep(A_WHILE);
            let result = one.batch_execute("CREATE TABLE a (x int)");
            assert!(result.is_ok(), "{command}: {result:?}");
            holder.batch_execute("ROLLBACK").unwrap();
            let refused = refused.join().unwrap().unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{refused:?}");
        });
        assert_eq!(database.value(joined), "dts_sync_ours");
        one.batch_execute("DROP TABLE a").unwrap();
    }
    drop(one);
    database
        .connect()
        .batch_execute("DROP PUBLICATION dts_sync_x; DROP OWNED BY publication_stranger; DROP ROLE publication_stranger")
        .unwrap();
}

/// A DROP PUBLICATION of its owner that waits while another table joins: nothing is left of it, and nobody waited but the DROP.
#[test]
fn publication_dropped_behind_others() {
    let database = Database::new("drop_behind");
    let (mut one, mut two) = (database.connect(), database.connect());
    one.batch_execute("CREATE PUBLICATION dts_sync_race; SET lock_timeout = '2s'")
        .unwrap();
    two.batch_execute("CREATE TABLE warm (x int); SET lock_timeout = '2s'")
        .unwrap();
    one.batch_execute("BEGIN; CREATE TABLE first (x int PRIMARY KEY)")
        .unwrap();
    std::thread::scope(|scope| {
        let drop = scope.spawn(|| {
            database
                .connect()
                .batch_execute("SET lock_timeout = '10s'; DROP PUBLICATION dts_sync_race")
        });
        std::thread::sleep(A_WHILE);
        two.batch_execute("BEGIN; CREATE TABLE second (x int PRIMARY KEY)")
            .unwrap();
        one.batch_execute("COMMIT").unwrap();
        std::thread::sleep(A_WHILE);
        assert!(!drop.is_finished());
        two.batch_execute("CREATE TABLE third (x int PRIMARY KEY); COMMIT")
            .unwrap();
        let result = drop.join().unwrap();
        assert!(result.is_ok(), "{result:?}");
    });
    let left = "SELECT (SELECT count(*) FROM pg_publication_rel) + (SELECT count(*) FROM pg_depend WHERE classid = 'pg_publication_rel'::regclass)";
    assert_eq!(database.value(left), "0");
    for table in ["first", "second", "third"] {
        one.batch_execute(&format!(
            "INSERT INTO {table} VALUES (1); UPDATE {table} SET x = 2; DELETE FROM {table}; DROP TABLE {table}"
        ))
        .unwrap();
    }
}
