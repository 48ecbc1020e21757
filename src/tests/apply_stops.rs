//! Why a subscription stands still, as SQL tells it: `dts_ddl.stops()`.

use super::pair::Pair;

const STOPS: &str = "SELECT concat_ws(' | ', coalesce(id::text, '-'), coalesce(tag, '-'), coalesce(role, '-'), sqlstate, error, ddl_text, hint) FROM dts_ddl.stops()";

fn expect_nothing(pair: &Pair) {
    pair.destination
        .expect_value("SELECT count(*) FROM dts_ddl.stops()", "0");
}

#[test]
fn a_command() {
    let pair = Pair::simple("stops");
    pair.destination.run("CREATE TABLE taken (i int)");
    pair.source.run("CREATE TABLE taken (i int, j int)");
    let id = pair.source.last_id();
    pair.destination.expect_value(
        "SELECT (failures > 2 AND last > since)::int FROM dts_ddl.stops()",
        "1",
    );
    let stop = pair.destination.value(STOPS);
    for part in [
        &format!("{id} | CREATE TABLE | postgres | 42P07 | could not apply DDL command {id}: "),
        "CREATE TABLE taken (i int, j int)",
        &format!("dts_ddl.skip({id})"),
    ] {
        assert!(stop.contains(part), "{stop}");
    }
    pair.destination.run("DROP TABLE taken");
    pair.check();
    expect_nothing(&pair);
}

/// Also what stops at a row, where the library was there before the first command.
#[test]
fn a_row() {
    let pair = Pair::simple("stops_row");
    pair.source
        .run("CREATE TABLE t (i int PRIMARY KEY); INSERT INTO t VALUES (1)");
    pair.wait();
    pair.destination.run("INSERT INTO t VALUES (2)");
    pair.source
        .run("CREATE TABLE u (i int); INSERT INTO t VALUES (2)");
    pair.destination.expect_value(
        "SELECT count(*) FROM dts_ddl.stops() WHERE failures > 2",
        "1",
    );
    let stop = pair.destination.value(STOPS);
    assert!(stop.starts_with("- | - | - | 23505 | "), "{stop}");
    pair.destination.run("DELETE FROM t WHERE i = 2");
    pair.check();
    expect_nothing(&pair);
}

/// What was mended so that nothing of the transaction is for this server is over, and what comes next is another stop.
#[test]
fn a_row_for_nothing() {
    let pair = Pair::simple("stops_passed");
    pair.source
        .run("CREATE TABLE t (i int PRIMARY KEY); CREATE TABLE u (i int PRIMARY KEY, j int)");
    pair.wait();
    pair.destination
        .run("SET session_replication_role = replica; DROP TABLE t");
    pair.source.run("INSERT INTO t VALUES (1)");
    pair.destination.expect_value(
        "SELECT count(*) FROM dts_ddl.stops() WHERE failures > 2",
        "1",
    );
    let check = "SELECT found FROM dts_ddl.check() WHERE name = 'apply_stopped'";
    let found = pair.destination.value(check);
    assert!(
        found.contains(" failures: logical replication target") && !found.contains("command"),
        "{found}"
    );
    pair.destination.run("CREATE TABLE t (i int PRIMARY KEY)");
    pair.wait();
    expect_nothing(&pair);
    pair.destination.run("ALTER TABLE u DROP COLUMN j");
    let now = pair.destination.value("SELECT clock_timestamp()::text");
    pair.source.run("INSERT INTO u VALUES (1, 1)");
    pair.destination.expect_value(
        &format!(
            "SELECT count(*) FROM dts_ddl.stops() WHERE error ~ ' is missing ' AND since > '{now}'"
        ),
        "1",
    );
    pair.destination.run("ALTER TABLE u ADD j int");
    pair.wait();
    expect_nothing(&pair);
}

/// A publisher that is away is a stop; a worker that runs again is none, whether or not rows come.
#[test]
fn a_connection() {
    let pair = Pair::simple("stops_away");
    let connection = pair
        .destination
        .value("SELECT subconninfo FROM pg_subscription WHERE subname = current_database()");
    let connect = |to: &str| {
        pair.destination.run(&format!(
            "ALTER SUBSCRIPTION {} CONNECTION '{}'",
            pair.destination.database,
            to.replace('\'', "''")
        ));
    };
    connect("host=/nowhere dbname=x");
    pair.destination.expect_value(
        "SELECT count(*) FROM dts_ddl.stops() WHERE id IS NULL AND error LIKE '%connect%'",
        "1",
    );
    connect(&connection);
    expect_nothing(&pair);
}

/// DROP EXTENSION leaves no file behind.
#[test]
fn nothing_stays() {
    let pair = Pair::simple("stops_gone");
    pair.destination.run("CREATE TABLE taken (i int)");
    pair.source.run("CREATE TABLE taken (i int)");
    let files = "SELECT count(*) FROM pg_ls_dir('pg_stat_tmp') f WHERE f ~ format('^dts_ddl_capture[.]%s[.]', (SELECT oid FROM pg_database WHERE datname = current_database()))";
    pair.destination.expect_value(files, "1");
    pair.destination.run(&format!(
        "ALTER SUBSCRIPTION {} DISABLE",
        pair.destination.database
    ));
    pair.destination.expect_value(
        "SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL AND subname = current_database()",
        "0",
    );
    pair.destination
        .expect_value("SELECT count(*) FROM dts_ddl.stops()", "1");
    pair.destination.run("DROP EXTENSION dts_ddl_capture");
    assert_eq!(pair.destination.value(files), "0");
}
