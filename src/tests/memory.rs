//! Sessions whose memory may not grow: their commands fail with "out of memory", and no server process ends.

use super::cluster::{Cluster, as_server_user};
use postgres::Client;
use std::backtrace::BacktraceStatus;
use std::path::Path;
use std::process::Command;

/// The address space of the session's process may grow by so many bytes only.
fn limit(client: &mut Client, more: u64) {
    let pid: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .unwrap()
        .get(0);
    let sizes = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = sizes.split_whitespace().next().unwrap().parse().unwrap();
    let done = as_server_user(Path::new("prlimit"))
        .args([
            "--pid",
            &pid.to_string(),
            &format!("--as={}:", pages * 4096 + more),
        ])
        .status()
        .unwrap();
    assert!(done.success());
}

/// Tables of queries, whose making is watched from inside; long texts, which are copied; texts of ordinary length. Rust would
/// abort the process where it gets no memory, and pgrx bring PostgreSQL to panic where it cannot copy an error. From deep in
/// functions, too: the clusters' environment asks for backtraces of errors, which would need memory for each frame.
#[test]
fn out_of_memory() {
    let cluster = Cluster::new();
    cluster.start("");
    cluster
        .connect("postgres")
        .batch_execute("CREATE EXTENSION dts_ddl_capture; CREATE TABLE big (id int); CREATE PUBLICATION dts_sync_x;
             CREATE FUNCTION deep(n int, statement text) RETURNS void LANGUAGE plpgsql AS $$
                BEGIN IF n = 0 THEN EXECUTE statement; ELSE PERFORM deep(n - 1, statement); END IF; END $$")
        .unwrap();
    let long = "x".repeat(1_000_000);
    let mut failed = 0;
    for step in 0..80_u64 {
        let mut client = cluster.connect("postgres");
        // The libraries are there (loading them is the server's matter), the stack is as large as it will be (one that
        // cannot grow ends a process), and PostgreSQL's caches are not all filled.
        client
            .batch_execute(
                "CREATE TYPE first AS ENUM (); DROP TYPE first; SELECT deep(80, 'SELECT 1')",
            )
            .unwrap();
        limit(&mut client, step * step * 512);
        let statements = [
            format!("SELECT 1 AS a, 'x'::text AS b INTO q{step}"),
            format!("SELECT deep(40, 'CREATE TABLE d{step} (id int PRIMARY KEY, a text)')"),
            format!("COMMENT ON TABLE big IS '{long}'"),
            format!(
                "CREATE TABLE r{step} (id int PRIMARY KEY, a text); ALTER TABLE r{step} ADD b int; DROP TABLE r{step}"
            ),
        ];
        for statement in statements {
            if let Err(error) = client.batch_execute(&statement) {
                let code = error.code().map(|code| code.code().to_owned());
                assert_eq!(code.as_deref(), Some("53200"), "step {step}: {error:?}");
                failed += 1;
            }
        }
    }
    assert!(failed > 20, "{failed}");
    // six times as long in the document as in the statement
    let control = "\u{1}".repeat(1_000_000);
    let (mut refused, mut recorded) = (0, 0);
    for step in 0..24_u64 {
        let mut client = cluster.connect("postgres");
        client
            .batch_execute("CREATE TYPE first AS ENUM (); DROP TYPE first")
            .unwrap();
        limit(&mut client, step << 21);
        let statement = format!("CREATE TABLE e{step} AS /* {control} */ SELECT 1 AS a");
        match client.batch_execute(&statement) {
            Ok(()) => recorded += 1,
            Err(error) => {
                let code = error.code().map(|code| code.code().to_owned());
                assert_eq!(code.as_deref(), Some("53200"), "step {step}: {error:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 5 && recorded > 5, "{refused}, {recorded}");
    let log = cluster.log();
    for word in [
        "PANIC",
        "terminated by signal",
        "panicked",
        "memory allocation of",
    ] {
        assert!(!log.contains(word), "{word}");
    }
    // what got through has its rows
    let rows: i64 = cluster
        .connect("postgres")
        .query_one(
            "SELECT count(*) FROM (SELECT 'public.' || relname FROM pg_class WHERE relname ~ '^q[0-9]' EXCEPT ALL
               SELECT object_name FROM public.dts_ddl_command WHERE object_name ~ '^public.q[0-9]') x",
            &[],
        )
        .unwrap()
        .get(0);
    assert_eq!(rows, 0);
}

/// A child, because std::backtrace reads the environment once for a process, and another test may have been faster.
#[test]
fn no_backtraces() {
    const CHILD: &str = "DTS_TEST_NO_BACKTRACES";
    let taken = || std::backtrace::Backtrace::capture().status() == BacktraceStatus::Captured;
    match std::env::var(CHILD).as_deref() {
        Ok("off") => {
            crate::pg::memory::take_no_backtraces();
            assert!(!taken());
            assert!(std::env::var_os("RUST_LIB_BACKTRACE").is_none());
        }
        Ok(_) => assert!(taken()),
        Err(_) => {
            for way in ["off", "on"] {
                let done = Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "tests::memory::no_backtraces"])
                    .env_remove("RUST_LIB_BACKTRACE")
                    .env("RUST_BACKTRACE", "1")
                    .env(CHILD, way)
                    .output()
                    .unwrap();
                assert!(done.status.success(), "{way}: {done:?}");
            }
        }
    }
}
