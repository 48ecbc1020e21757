//! Long strings, large statements, long sessions.

use super::server::{Database, server, value};
use std::time::{Duration, Instant};

fn functions(count: usize, name: &str) -> (String, Vec<String>) {
    let statements: Vec<String> =
        (0..count).map(|i| format!("CREATE FUNCTION {name}{i}() RETURNS int LANGUAGE sql AS 'SELECT {i}'")).collect();
    let string = statements.iter().map(|s| format!("/* lead */ {s};\n-- next\n")).collect();
    (string, statements)
}

/// 10,000 statements in one string: exact texts, time and space in proportion.
#[test]
fn ten_thousand_statements_in_one_string() {
    let database = Database::new("ten_thousand");
    let mut client = database.connect();
    client.batch_execute("SET dts_ddl_capture.max_rows = 0").unwrap();
    let mut time = |count: usize, name: &str| -> Duration {
        let (string, statements) = functions(count, name);
        let start = Instant::now();
        client.batch_execute(&string).unwrap();
        let took = start.elapsed();
        assert_eq!(database.texts(), statements);
        client.batch_execute("TRUNCATE public.dts_ddl_command").unwrap();
        took
    };
    time(500, "w");
    let small = time(1_000, "a");
    let large = time(10_000, "b");
    // Linear is 10 times; quadratic would be 100 times. The machine may be busy with other tests.
    assert!(large < small * 40, "1,000 statements took {small:?}, 10,000 took {large:?}");
}

/// The same nested: one EXECUTE of a string, and the first DDL of a session.
#[test]
fn many_statements_in_execute() {
    let database = Database::new("many_execute");
    let mut client = database.connect();
    let (string, statements) = functions(2_000, "e");
    client.execute("SELECT set_config('test.string', $1, false)", &[&string]).unwrap();
    client.batch_execute("DO $$ BEGIN EXECUTE current_setting('test.string'); END $$").unwrap();
    assert_eq!(database.texts(), statements);
}

/// Statements of 16 MB, alone, among others and nested.
#[test]
fn sixteen_megabytes() {
    let database = Database::new("sixteen_mb");
    let mut client = database.connect();
    let body = "x".repeat(16 * 1024 * 1024 - 100) + ";é";
    let statement = format!("COMMENT ON TABLE a IS '{body}'");
    client.batch_execute("CREATE TABLE a (x int)").unwrap();
    client.batch_execute(&statement).unwrap();
    client.batch_execute(&format!("CREATE TABLE b (x int); {statement}; DROP TABLE b")).unwrap();
    client.execute("SELECT set_config('test.string', $1, false)", &[&statement]).unwrap();
    client.batch_execute("DO $$ BEGIN EXECUTE current_setting('test.string'); END $$").unwrap();
    let got = database.texts();
    let want =
        ["CREATE TABLE a (x int)", &statement, "CREATE TABLE b (x int)", &statement, "DROP TABLE b", &statement];
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!(got == want, "{} bytes instead of {}", got.len(), want.len());
    }
    // and a CREATE TABLE AS whose original text is that long
    client.batch_execute(&format!("CREATE TABLE c AS SELECT length('{body}') AS n")).unwrap();
    assert_eq!(database.texts().last().map(String::as_str), Some("CREATE TABLE public.c (n integer)"));
    database.expect_sound();
}

/// Bytes of private memory of a backend.
fn private_memory(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb * 1024)
}

/// By how much a session has grown after many rounds of DDL of every path: private memory and memory contexts.
fn growth(database: &Database) -> (u64, u64) {
    let mut client = database.connect();
    client.batch_execute("CREATE PUBLICATION dts_sync_memory; SET client_min_messages = error").unwrap();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let mut rounds = |count: usize| {
        for _ in 0..count {
            client
                .batch_execute(
                    "CREATE TABLE m (id int PRIMARY KEY, x text); ALTER TABLE m ADD COLUMN y float8 DEFAULT random();
                     COMMENT ON TABLE m IS 'x'; CREATE TEMP TABLE tmp (x int); DROP TABLE tmp, m;
                     CREATE TABLE n AS SELECT 1 AS x; DROP TABLE n",
                )
                .unwrap();
            client.batch_execute("DO $$ BEGIN EXECUTE 'CREATE TYPE e AS ENUM (''a''); DROP TYPE e'; END $$").unwrap();
            client
                .batch_execute("BEGIN; CREATE TABLE lost (x int); SAVEPOINT s; CREATE TABLE lost2 AS SELECT 1 AS x; SELECT 1/0")
                .unwrap_err();
            client.batch_execute("ROLLBACK").unwrap();
        }
        let contexts = if server().major >= 14 {
            value(&mut client, "SELECT sum(total_bytes) FROM pg_backend_memory_contexts").parse::<u64>().unwrap()
        } else {
            0
        };
        (private_memory(pid).unwrap_or(0), contexts)
    };
    // Caches fill at first.
    let (private_before, contexts_before) = rounds(300);
    let (private_after, contexts_after) = rounds(1_700);
    (private_after.saturating_sub(private_before), contexts_after.saturating_sub(contexts_before))
}

/// A session that runs DDL for days grows no more than it does without the extension: 20,000 commands of every path.
#[test]
fn memory_of_a_long_session() {
    let (bare, with) = (Database::bare("memory_bare"), Database::new("memory"));
    let (private_bare, contexts_bare) = growth(&bare);
    let (private, contexts) = growth(&with);
    // One leaked block of 100 bytes for each command would be 2 MB.
    assert!(contexts < contexts_bare + 256 * 1024, "memory contexts grew by {contexts} bytes, without the extension by {contexts_bare}");
    assert!(private < private_bare + 1024 * 1024, "private memory grew by {private} bytes, without the extension by {private_bare}");
}

/// Nothing of one command's memory stays in a transaction with many commands.
#[test]
fn memory_of_a_long_transaction() {
    if server().major < 14 {
        super::server::skipped("memory_of_a_long_transaction", "needs pg_backend_memory_contexts (PostgreSQL 14)");
        return;
    }
    let database = Database::new("memory_transaction");
    let run = |statement: &str, rounds: usize| -> u64 {
        let mut client = database.connect();
        client.batch_execute("CREATE TABLE base (x int)").unwrap();
        client.batch_execute("BEGIN").unwrap();
        for _ in 0..rounds {
            client.batch_execute(statement).unwrap();
        }
        let bytes = value(&mut client, "SELECT sum(total_bytes) FROM pg_backend_memory_contexts");
        client.batch_execute("ROLLBACK; DROP TABLE base").unwrap();
        bytes.parse().unwrap()
    };
    let statement = format!("COMMENT ON TABLE base IS '{}'", "x".repeat(10_000));
    let few = run(&statement, 20);
    let many = run(&statement, 1_020);
    // 1,000 statements of 10 kB kept would be 10 MB.
    assert!(many.saturating_sub(few) < 3_000_000, "20 commands: {few} bytes, 1,020 commands: {many} bytes");
}
