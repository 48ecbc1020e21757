//! Sessions whose memory may not grow: their commands fail with "out of memory", and no server process ends.

use super::cluster::{self, Cluster, as_server_user};
use postgres::{Client, NoTls};
use std::backtrace::BacktraceStatus;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
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

/// PostgreSQL needs memory to end a transaction that was rolled back (storage.c: smgrDoPendingDeletes opens each file that it is to
/// delete), also at the end of a session. Where it finds none it begins again, or goes on, of which a server with assertions says
/// that the transaction has ended already (procarray.c), or has not ended (pgstat.c). The end of the line before, and what is said.
const ENDS_OF_POSTGRESQL: [(&str, &str); 2] = [
    (
        "AbortTransaction while in ABORT state",
        "TransactionIdIsValid(proc->xid)",
    ),
    (
        "FATAL:  out of memory",
        "!IsTransactionOrTransactionBlock()",
    ),
];

/// No process ended otherwise than by itself.
fn check_log(cluster: &Cluster) {
    let log = cluster.log();
    let is_postgresql_s = |lines: &[&str]| {
        let trap = lines.iter().rposition(|line| line.starts_with("TRAP: "));
        trap.is_some_and(|at| {
            let is_this = |(before, said): &(&str, &str)| {
                lines[at].contains(said) && at > 0 && lines[at - 1].ends_with(before)
            };
            ENDS_OF_POSTGRESQL.iter().any(is_this)
        })
    };
    for word in [
        "PANIC",
        "terminated by signal",
        "exited with exit code",
        "panicked",
        "memory allocation of",
    ] {
        let lines: Vec<&str> = log.lines().collect();
        for at in 0..lines.len() {
            let before = &lines[at.saturating_sub(80)..at];
            let excused = word == "terminated by signal" && is_postgresql_s(before);
            if lines[at].contains(word) && !excused {
                panic!("{}\n{}", before.join("\n"), lines[at]);
            }
        }
    }
}

/// A server whose processes may find malloc() empty from any call on.
struct Failing {
    cluster: Cluster,
    control: File,
    library: PathBuf,
}

const CONTROL: &str = "malloc";

impl Failing {
    fn new() -> Self {
        let cluster = cluster::fresh();
        let library = std::env::temp_dir().join(format!("dts_malloc_{}.so", std::process::id()));
        let source = library.with_extension("rs");
        std::fs::write(&source, include_str!("failing_malloc.rs")).unwrap();
        let built = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()))
            .args([
                "--edition=2024",
                "--crate-type=cdylib",
                "-Cpanic=abort",
                "-O",
                "-o",
            ])
            .args([&library, &source])
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        std::fs::remove_file(&source).unwrap();
        let control = cluster.socket_directory().join(CONTROL);
        let made = as_server_user(Path::new("truncate"))
            .args(["-s", "4096", control.to_str().unwrap()])
            .status()
            .unwrap();
        assert!(made.success());
        let control = File::options()
            .read(true)
            .write(true)
            .open(control)
            .unwrap();
        let server = Failing {
            cluster,
            control,
            library,
        };
        server.start();
        server
    }

    fn start(&self) {
        let control = self.cluster.socket_directory().join(CONTROL);
        self.cluster.start_in(
            &[
                format!("LD_PRELOAD={}", self.library.display()),
                format!("FAILING_MALLOC={}", control.display()),
            ],
            "",
        );
    }

    /// Memory of the process ends after so many calls; with process 0 nobody's does. Gives how many were left.
    fn end_of_memory(&self, process: i32, calls: i64) -> i64 {
        let mut words = [0_u8; 32];
        self.control.read_exact_at(&mut words, 0).unwrap();
        let left = i64::from_ne_bytes(words[8..16].try_into().unwrap());
        let set: Vec<u8> = [0, calls, 0, 0]
            .into_iter()
            .flat_map(i64::to_ne_bytes)
            .collect();
        self.control.write_all_at(&set, 0).unwrap();
        self.control
            .write_all_at(&i64::from(process).to_ne_bytes(), 0)
            .unwrap();
        left
    }

    /// Runs the statement again and again in sessions whose memory ends a step later each time, until it does not miss any.
    fn at_each_call(&self, step: usize, before: &str, statement: &str) -> i64 {
        for calls in (1..).step_by(step) {
            let connection = self.cluster.config("postgres").connect(NoTls);
            let mut client = connection.unwrap_or_else(|error| {
                check_log(&self.cluster);
                panic!("{statement}, {calls}: {error}")
            });
            let process = client
                .query_one("SELECT pg_backend_pid()", &[])
                .unwrap()
                .get(0);
            // The end of a transaction is PostgreSQL's: without memory there it panics without us, too.
            client.batch_execute(&format!("{before}; BEGIN")).unwrap();
            self.end_of_memory(process, calls);
            let done = client.batch_execute(statement);
            let left = self.end_of_memory(0, 0);
            let mut ended = match done {
                Ok(()) => false,
                Err(error) => {
                    let code = error.code().map(|code| code.code().to_owned());
                    // 58P01: the library's file; 42P07, P0001: what the statement is meant to fail with; a session may end where a setting finds no memory (guc.c: guc_malloc)
                    assert!(
                        error.is_closed()
                            || matches!(
                                code.as_deref(),
                                Some("53200" | "58P01" | "42P07" | "P0001")
                            ),
                        "{statement}, {calls}: {error:?}"
                    );
                    error.is_closed()
                        || error
                            .as_db_error()
                            .is_some_and(|error| error.severity() == "FATAL")
                }
            };
            // or it has ended after the error, when it rolled back
            ended = ended || client.batch_execute("ROLLBACK").is_err();
            // One that ends so may find no memory at its end either, and leave its locks to the next process (fd.c: AllocateVfd).
            if ended {
                check_log(&self.cluster);
                self.cluster.stop("immediate");
                self.start();
            } else {
                let again = "CREATE TABLE again (id int); DROP TABLE again";
                if let Err(error) = client.batch_execute(again) {
                    panic!("{statement}, {calls}, memory again: {error:?}");
                }
            }
            check_log(&self.cluster);
            if left > 0 {
                return calls;
            }
        }
        unreachable!()
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.library);
    }
}

/// Wherever memory ends: while the first DDL of a session loads the library, in later ones, and while errors are passed on,
/// large ones, too.
#[test]
fn out_of_memory_at_each_call() {
    let server = Failing::new();
    server
        .cluster
        .connect("postgres")
        .batch_execute(
            "CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION dts_sync_x; CREATE TABLE t (id int PRIMARY KEY);
             CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN RAISE EXCEPTION '%', repeat('x', 400000); END $$",
        )
        .unwrap();
    assert!(server.at_each_call(2, "SELECT 1", "CREATE TABLE n (id int)") > 100);
    let warm = "CREATE TABLE n (id int PRIMARY KEY, a text); DROP TABLE n; DO $$ BEGIN END $$";
    for statement in [
        "CREATE TABLE n (id int PRIMARY KEY, a text)",
        "CREATE TABLE t (id int PRIMARY KEY)",
        "ALTER TABLE t ADD a int",
        "DROP TABLE t",
        "SELECT 1 AS a INTO n",
        "DO $$ BEGIN CREATE TABLE n (id int); CREATE TABLE n (id int); EXCEPTION WHEN duplicate_table THEN CREATE TABLE m (); END $$",
    ] {
        assert!(server.at_each_call(5, warm, statement) > 9);
    }
    server
        .cluster
        .connect("postgres")
        .batch_execute(
            "CREATE TRIGGER fails BEFORE INSERT ON public.dts_ddl_command FOR EACH ROW
               WHEN (new.object_name = 'public.n') EXECUTE FUNCTION fails()",
        )
        .unwrap();
    server.at_each_call(
        1,
        "CREATE TABLE m (); DROP TABLE m",
        "CREATE TABLE n (id int)",
    );
}

/// Tables of queries, whose making is watched from inside; long texts, which are copied; texts of ordinary length. Rust would
/// abort the process where it gets no memory, and pgrx bring PostgreSQL to panic where it cannot copy an error. From deep in
/// functions, too: the clusters' environment asks for backtraces of errors, which would need memory for each frame.
#[test]
fn out_of_memory() {
    let cluster = cluster::fresh();
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
        // The libraries are there, the stack is as large as it will be (one that
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
    check_log(&cluster);
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
            crate::pg::runtime::memory::take_no_backtraces();
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
