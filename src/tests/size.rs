//! Long strings, large statements, long sessions.

use super::cluster;
use super::server::{Database, server, skipped, value};
use std::time::{Duration, Instant};

fn functions(count: usize, name: &str) -> (String, Vec<String>) {
    let statements: Vec<String> = (0..count)
        .map(|i| format!("CREATE FUNCTION {name}{i}() RETURNS int LANGUAGE sql AS 'SELECT {i}'"))
        .collect();
    let string = statements
        .iter()
        .map(|s| format!("/* lead */ {s};\n-- next\n"))
        .collect();
    (string, statements)
}

/// 10,000 statements in one string: exact texts, time and space in proportion.
#[test]
fn ten_thousand_statements_in_one_string() {
    let database = Database::new("ten_thousand");
    let mut client = database.connect();
    client
        .batch_execute("SET dts_ddl_capture.max_rows = 0")
        .unwrap();
    let mut time = |count: usize, name: &str| -> Duration {
        let (string, statements) = functions(count, name);
        let start = Instant::now();
        client.batch_execute(&string).unwrap();
        let took = start.elapsed();
        assert_eq!(database.texts(), statements);
        client
            .batch_execute("TRUNCATE public.dts_ddl_command")
            .unwrap();
        took
    };
    time(500, "w");
    let small = time(1_000, "a");
    let large = time(10_000, "b");
    // Linear is 10 times; quadratic would be 100 times. The machine may be busy with other tests.
    assert!(
        large < small * 40,
        "1,000 statements took {small:?}, 10,000 took {large:?}"
    );
}

/// What is in most databases, and how much is stored for it beyond the statement.
const COMMON: [(&str, usize); 17] = [
    ("CREATE SCHEMA app", 400),
    (
        "CREATE TABLE app.customer (id integer PRIMARY KEY, name text)",
        400,
    ),
    ("ALTER TABLE app.customer ADD COLUMN mail text", 400),
    (
        "ALTER TABLE app.customer ADD COLUMN visits integer NOT NULL DEFAULT 0",
        400,
    ),
    ("CREATE INDEX ON app.customer (name)", 400),
    (
        "CREATE VIEW app.names AS SELECT name FROM app.customer",
        400,
    ),
    ("COMMENT ON TABLE app.customer IS 'c'", 400),
    (
        "CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        400,
    ),
    ("GRANT SELECT ON app.customer TO pg_monitor", 400),
    ("CREATE TYPE app.kind AS ENUM ('a')", 400),
    ("CREATE SEQUENCE app.s", 400),
    // a table, two indexes and a sequence
    (
        "CREATE TABLE app.orders (id serial PRIMARY KEY, number text UNIQUE, customer integer)",
        520,
    ),
    (
        "ALTER TABLE app.orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES app.customer",
        400,
    ),
    ("DROP VIEW app.names", 400),
    ("DROP TABLE app.orders", 400),
    ("DROP TABLE app.customer", 400),
    ("DROP FUNCTION app.f()", 400),
];

/// By a superuser, and by a role whose search_path is a schema of its own.
#[test]
fn bytes_of_a_row() {
    let database = Database::new("bytes_of_a_row");
    let role = "size_app";
    drop(database.connect_as(role));
    let as_superuser = COMMON.map(|(statement, _)| statement.to_owned());
    let as_role = as_superuser
        .each_ref()
        .map(|statement| statement.replace("app.", "size_app."));
    for (user, statements) in [
        (server().user.as_str(), &as_superuser[..]),
        (role, &as_role[1..]),
    ] {
        let mut psql = database.psql();
        psql.args(["-qU", user])
            .env("PGOPTIONS", format!("-c search_path={role}"));
        if user != role {
            psql.env_remove("PGOPTIONS");
        }
        let output = psql
            .args(statements.iter().flat_map(|s| ["-c", s]))
            .output()
            .expect("psql");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
    }
    let rows = database
        .column("concat(pg_column_size(dts_ddl_command.*) - octet_length(ddl_text), ' ', message)");
    assert_eq!(rows.len(), 2 * COMMON.len() - 1);
    let expected = COMMON.iter().chain(&COMMON[1..]);
    for ((statement, most), row) in expected.zip(rows) {
        println!("{row} {statement}");
        let bytes: usize = row.split(' ').next().unwrap().parse().unwrap();
        assert!(bytes <= *most, "{statement}: {row}");
    }
}

/// The same nested: one EXECUTE of a string, and the first DDL of a session.
#[test]
fn many_statements_in_execute() {
    let database = Database::new("many_execute");
    let mut client = database.connect();
    let (string, statements) = functions(2_000, "e");
    client
        .execute("SELECT set_config('test.string', $1, false)", &[&string])
        .unwrap();
    client
        .batch_execute("DO $$ BEGIN EXECUTE current_setting('test.string'); END $$")
        .unwrap();
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
    client
        .batch_execute(&format!(
            "CREATE TABLE b (x int); {statement}; DROP TABLE b"
        ))
        .unwrap();
    client
        .execute("SELECT set_config('test.string', $1, false)", &[&statement])
        .unwrap();
    client
        .batch_execute("DO $$ BEGIN EXECUTE current_setting('test.string'); END $$")
        .unwrap();
    let got = database.texts();
    let want = [
        "CREATE TABLE a (x int)",
        &statement,
        "CREATE TABLE b (x int)",
        &statement,
        "DROP TABLE b",
        &statement,
    ];
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!(got == want, "{} bytes instead of {}", got.len(), want.len());
    }
    // and a CREATE TABLE AS whose original text is that long
    client
        .batch_execute(&format!("CREATE TABLE c AS SELECT length('{body}') AS n"))
        .unwrap();
    assert_eq!(
        database.texts().last().map(String::as_str),
        Some("CREATE TABLE public.c (n integer)")
    );
    database.expect_sound();
}

/// Statements beyond what can be decoded: what can be left out is left out, the rest is an error of its own; whatever happens,
/// no row stops those who decode it. Control characters, of which JSON makes six each, make it happen with few bytes.
#[test]
fn too_large_to_decode() {
    let cluster = cluster::fresh();
    cluster.start("-c wal_level=logical -c logical_decoding_work_mem=64MB");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute("CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION p FOR TABLE public.dts_ddl_command")
        .unwrap();
    let slot = "SELECT pg_create_logical_replication_slot($1::text::name, $1::text::name)";
    client.execute(slot, &[&"pgoutput"]).unwrap();
    if let Err(error) = client.execute(slot, &[&"test_decoding"]) {
        return skipped("too_large_to_decode", &format!("test_decoding: {error}"));
    }
    client
        .batch_execute("CREATE TABLE first (x int); SET dts_ddl_capture.emit_message = on")
        .unwrap();
    // 24 MB: six times as much is too much for `message` alone
    let control = "\u{1}".repeat(24_000_000);
    client
        .batch_execute(&format!(
            "CREATE TABLE short AS /* {control} */ SELECT 1 AS x"
        ))
        .unwrap();
    let document =
        "(SELECT message::jsonb FROM public.dts_ddl_command WHERE object_name = 'public.short')";
    assert_eq!(
        value(&mut client, &format!("SELECT {document} -> 'left_out'")),
        "[\"original\"]"
    );
    assert_eq!(
        value(&mut client, &format!("SELECT {document} ? 'original'")),
        "false"
    );
    // 90 MB: as a row in a text format it could not be sent
    let long = format!(
        "COMMENT ON TABLE first IS '{}'",
        control.repeat(3) + &control[..18_000_000]
    );
    let too_large = |error: &postgres::Error, message: &str| {
        let error = error.as_db_error().expect("an error of the server");
        assert_eq!(error.code().code(), "54000", "{error:?}");
        assert_eq!(error.message(), message);
        assert!(error.detail().is_some_and(|d| d.contains(" bytes")));
        assert!(error.hint().is_some());
    };
    let error = client.batch_execute(&long).unwrap_err();
    too_large(
        &error,
        "the row of the DDL command would be too large to be decoded",
    );
    assert_eq!(
        value(&mut client, "SELECT obj_description('first'::regclass)"),
        "NULL"
    );
    client
        .batch_execute(&format!(
            "SET dts_ddl_capture.on_error = warning; {long}; RESET dts_ddl_capture.on_error"
        ))
        .unwrap();
    assert_eq!(value(&mut client, "SELECT dts_ddl.gaps()"), "1");
    assert_eq!(
        value(
            &mut client,
            "SELECT length(obj_description('first'::regclass))"
        ),
        "90000000"
    );
    // the log has the beginning of it
    let log = cluster.log();
    assert!(log.contains("DDL command was not captured") && log.contains("bytes in all)"));
    assert!(log.len() < 1_000_000, "{} bytes of log", log.len());
    // a row that can be sent, whose message cannot: backslashes, doubled by JSON once and again
    let doubled = format!("COMMENT ON TABLE first IS '{}'", "\\".repeat(20_000_000));
    let result = client.batch_execute(&doubled);
    assert!(result.is_ok(), "{result:?}");
    client.batch_execute("CREATE TABLE last (x int)").unwrap();
    // all of it can be decoded
    let decoded = client
        .query_one("SELECT count(*), max(length(data)) FROM pg_logical_slot_get_changes('test_decoding', NULL, NULL) WHERE data ~ '^(table public.dts|message)'", &[])
        .unwrap();
    assert_eq!(
        (
            decoded.get::<_, i64>(0),
            decoded.get::<_, i32>(1) > 20_000_000
        ),
        (7, true)
    );
    let sent: i64 = client
        .query_one("SELECT count(*) FROM pg_logical_slot_get_binary_changes('pgoutput', NULL, NULL, 'proto_version', '1', 'publication_names', 'p') WHERE get_byte(data, 0) = 73", &[])
        .unwrap()
        .get(0);
    assert_eq!(sent, 4);
    client
        .batch_execute("SELECT count(*) FROM dts_ddl.history; SELECT * FROM dts_ddl.check(); SELECT length(dts_ddl.script())")
        .unwrap();
    for word in ["PANIC", "terminated by signal", "panicked"] {
        assert!(!cluster.log().contains(word), "{word}");
    }
}

/// As many objects in one command as in ten: what a command costs grows with their number, not with its square, which would
/// be ten times as much. Processor time of the session, not of the clock: the machine may be busy with other tests.
#[test]
fn objects_by_the_thousand() {
    const FEW: usize = 2_000;
    const TIMES: usize = 10;
    let cluster = cluster::fresh();
    cluster.start("-c max_locks_per_transaction=400");
    let mut client = cluster.connect("postgres");
    client
        .batch_execute(
            "CREATE EXTENSION dts_ddl_capture; SET dts_ddl_capture.capture_roles = on; SET client_min_messages = warning;
             CREATE TABLE warm (x int); CREATE TYPE gone AS (x int); DROP TYPE gone",
        )
        .unwrap();
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    let roles = |n: usize| -> String {
        let names: Vec<String> = (0..n).map(|i| format!("role_of_number_{i}")).collect();
        names.join(", ")
    };
    let sequences = |n: usize| -> String {
        (0..n)
            .map(|i| format!(" CREATE SEQUENCE s.sequence_of_number_{i}"))
            .collect()
    };
    // Each makes the objects (which is PostgreSQL's work for the most part), does something to all, and drops all of them.
    let mut costs = |n: usize| {
        let make_roles = format!(
            "SET dts_ddl_capture.enabled = off; DO $$ BEGIN FOR i IN 0..{} LOOP EXECUTE format('CREATE ROLE role_of_number_%s', i); END LOOP; END $$;
             RESET dts_ddl_capture.enabled",
            n - 1
        );
        let steps = [
            make_roles,
            format!("GRANT {} TO CURRENT_USER", roles(n)),
            format!("DROP ROLE {}", roles(n)),
            format!("CREATE SCHEMA s{}", sequences(n)),
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA s TO pg_monitor".to_owned(),
            "DROP SCHEMA s CASCADE".to_owned(),
        ];
        steps.map(|sql| {
            let before = processor_time(pid);
            client.batch_execute(&sql).unwrap();
            processor_time(pid) - before
        })
    };
    costs(FEW);
    let mut in_ten = [Duration::ZERO; 6];
    for _ in 0..TIMES {
        for (sum, cost) in in_ten.iter_mut().zip(costs(FEW)) {
            *sum += cost;
        }
    }
    let in_one = costs(FEW * TIMES);
    let names = [
        "CREATE ROLE",
        "GRANT of roles",
        "DROP ROLE",
        "CREATE SCHEMA",
        "GRANT",
        "DROP SCHEMA",
    ];
    for ((name, ten), one) in names.into_iter().zip(in_ten).zip(in_one) {
        assert!(
            one * 10 < ten * 25,
            "{name} of as many objects took {ten:?} in ten commands and {one:?} in one"
        );
    }
    let objects =
        "SELECT max(jsonb_array_length(message::jsonb -> 'objects')) FROM public.dts_ddl_command";
    assert_eq!(
        client.query_one(objects, &[]).unwrap().get::<_, i32>(0),
        20_001
    );
}

/// What a process has used of the processors (in ticks of 10 ms).
fn processor_time(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // behind the name, which is in parentheses: user and system time are the 12th and 13th
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |i: usize| fields[i].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Bytes of private memory of a backend.
fn private_memory(pid: i32) -> Option<i64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<i64>()
        .ok()
        .map(|kb| kb * 1024)
}

/// By how much a session has grown after many rounds of DDL, in bytes.
struct Growth {
    /// What is in use in the memory context of the catalog caches (0 before 14, which cannot tell).
    caches: i64,
    /// What is in use in all other memory contexts.
    contexts: i64,
    /// The process beyond these contexts, that is what Rust allocates (before 14: the process).
    other: i64,
}

impl Growth {
    /// One leaked block of 100 bytes for each command would be 2 MB.
    fn expect_none_beyond_caches(&self) {
        assert!(
            self.contexts < 128 * 1024,
            "memory contexts grew by {} bytes",
            self.contexts
        );
        assert!(
            self.other < 1024 * 1024,
            "other memory grew by {} bytes",
            self.other
        );
    }
}

fn growth(database: &Database, strings: &[&str]) -> Growth {
    let mut client = database.connect();
    client
        .batch_execute("CREATE PUBLICATION dts_sync_memory; SET client_min_messages = error")
        .unwrap();
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    let mut rounds = |count: usize| {
        for _ in 0..count {
            for string in strings {
                client.batch_execute(string).unwrap();
            }
            client
                .batch_execute("BEGIN; CREATE TABLE lost (x int); SAVEPOINT s; CREATE TABLE lost2 AS SELECT 1 AS x; SELECT 1/0")
                .unwrap_err();
            client.batch_execute("ROLLBACK").unwrap();
        }
        let (caches, used, total) = if server().major >= 14 {
            let row = client
                .query_one(
                    "SELECT sum(used_bytes) FILTER (WHERE name = 'CacheMemoryContext')::int8, sum(used_bytes)::int8, sum(total_bytes)::int8
                     FROM pg_backend_memory_contexts",
                    &[],
                )
                .unwrap();
            (
                row.get::<_, i64>(0),
                row.get::<_, i64>(1),
                row.get::<_, i64>(2),
            )
        } else {
            (0, 0, 0)
        };
        (
            caches,
            used - caches,
            private_memory(pid).unwrap_or(0) - total,
        )
    };
    // Caches fill at first.
    let before = rounds(300);
    let after = rounds(1_700);
    Growth {
        caches: after.0 - before.0,
        contexts: after.1 - before.1,
        other: after.2 - before.2,
    }
}

/// A session that runs DDL for days does not grow: 20,000 commands that leave nothing in PostgreSQL's own caches.
#[test]
fn memory_of_a_long_session() {
    let database = Database::new("memory");
    let growth = growth(
        &database,
        &[
            "CREATE TABLE m (id int); ALTER TABLE m ADD COLUMN y int; COMMENT ON TABLE m IS 'x'; CREATE TEMP TABLE tmp (x int);
             DROP TABLE tmp, m; CREATE TABLE n AS SELECT 1 AS x; DROP TABLE n",
            "DO $$ BEGIN EXECUTE 'CREATE TYPE e AS ENUM (''a''); DROP TYPE e'; END $$",
        ],
    );
    // In 13 the caches are part of `other`.
    assert!(
        growth.caches < 128 * 1024,
        "caches grew by {} bytes",
        growth.caches
    );
    growth.expect_none_beyond_caches();
}

/// pg_backend_memory_contexts came with 14.
fn cannot_see_contexts(test: &str) -> bool {
    let cannot = server().major < 14;
    if cannot {
        super::server::skipped(test, "needs pg_backend_memory_contexts (PostgreSQL 14)");
    }
    cannot
}

/// The same with commands for which PostgreSQL itself keeps something in its caches (for each index, TOAST table and
/// rewritten table that ever was): nothing else grows.
#[test]
fn memory_of_a_long_session_with_rewrites() {
    if cannot_see_contexts("memory_of_a_long_session_with_rewrites") {
        return;
    }
    let database = Database::new("memory_rewrites");
    let growth = growth(
        &database,
        &["CREATE TABLE m (id int PRIMARY KEY, x text); ALTER TABLE m ADD COLUMN y float8 DEFAULT random();
           CREATE VIEW v AS SELECT * FROM m; GRANT SELECT ON m TO PUBLIC; DROP TABLE m CASCADE;
           CREATE SCHEMA s CREATE TABLE e (x int); DROP SCHEMA s CASCADE"],
    );
    growth.expect_none_beyond_caches();
}

/// Nothing of one command's memory stays in a transaction with many commands.
#[test]
fn memory_of_a_long_transaction() {
    if cannot_see_contexts("memory_of_a_long_transaction") {
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
        let bytes = value(
            &mut client,
            "SELECT sum(total_bytes) FROM pg_backend_memory_contexts",
        );
        client.batch_execute("ROLLBACK; DROP TABLE base").unwrap();
        bytes.parse().unwrap()
    };
    let statement = format!("COMMENT ON TABLE base IS '{}'", "x".repeat(10_000));
    let few = run(&statement, 20);
    let many = run(&statement, 1_020);
    // 1,000 statements of 10 kB kept would be 10 MB.
    assert!(
        many.saturating_sub(few) < 3_000_000,
        "20 commands: {few} bytes, 1,020 commands: {many} bytes"
    );
}
