//! Many sessions' DDL at once, above all concurrent builds of indexes that fail or succeed, applied live. Started by
//! `proof/concurrent`.
//!
//! Names come from a small stock and most indexes have none of their own, so that sessions meet each other's tables, invalid indexes
//! and locks. Errors of statements are part of it.

#[path = "../torture/dice.rs"]
mod dice;

use dice::Dice;
use dts_proof::fidelity::{Finding, dump, rows};
use harness::cluster::Cluster;
use harness::server::{self, server};
use postgres::Client;
use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const OPTIONS: &str = "-c wal_level=logical -c max_connections=150 -c max_worker_processes=20 -c max_wal_senders=20 \
    -c shared_preload_libraries=dts_ddl_capture -c wal_retrieve_retry_interval=200 -c autovacuum=off -c fsync=off \
    -c log_min_messages=warning";
const DATABASE: &str = "concurrent";
/// How long the destination may take for a transaction, once the source is at rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// The outcome of a statement after which the session is no more.
const LOST: &str = "-";

struct Plan {
    seconds: u64,
    sessions: usize,
    seed: u64,
    /// Without the extension: which errors are PostgreSQL's own.
    bare: bool,
}

fn main() -> ExitCode {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut plan = Plan {
        seconds: 300,
        sessions: 30,
        seed: now.map_or(1, |now| now.as_secs() % 1_000_000),
        bare: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (argument.as_str(), value) {
            ("--seconds", Some(value)) => plan.seconds = value,
            ("--sessions", Some(value)) => plan.sessions = value as usize,
            ("--seed", Some(value)) => plan.seed = value,
            ("--bare", Some(value)) => plan.bare = value > 0,
            _ => {
                eprintln!(
                    "proof/concurrent [MAJOR] [--seconds N] [--sessions N] [--seed N] [--bare 1]"
                );
                return ExitCode::from(2);
            }
        }
    }
    let problems = run(&plan);
    for problem in &problems {
        println!("{problem}");
    }
    println!(
        "problems: {}; again with: --seed {}",
        problems.len(),
        plan.seed
    );
    ExitCode::from(u8::from(!problems.is_empty()))
}

fn run(plan: &Plan) -> Vec<String> {
    let [source, destination] = [0; 2].map(|_| {
        let cluster = Cluster::of(server::under_test());
        cluster.start(OPTIONS);
        cluster
            .connect("postgres")
            .batch_execute(&format!("CREATE DATABASE {DATABASE}"))
            .expect("a database");
        cluster
    });
    let batch = |cluster: &Cluster, sql: &str| {
        cluster
            .connect(DATABASE)
            .batch_execute(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    if plan.bare {
        println!("without the extension: {:?}", work(plan, &source));
        return Vec::new();
    }
    batch(
        &source,
        &format!(
            "CREATE EXTENSION dts_ddl_capture; CREATE PUBLICATION p FOR ALL TABLES;
             ALTER DATABASE {DATABASE} SET dts_ddl_capture.max_rows = 0"
        ),
    );
    let trust = if server().major < 16 {
        "trust_source => true"
    } else {
        ""
    };
    batch(
        &destination,
        &format!("CREATE EXTENSION dts_ddl_capture; SELECT dts_ddl.start_apply({trust})"),
    );
    let connection = source.connection_string(DATABASE).replace('\'', "''");
    batch(
        &destination,
        &format!("CREATE SUBSCRIPTION s CONNECTION '{connection}' PUBLICATION p"),
    );
    let told = work(plan, &source);
    println!(
        "PostgreSQL {}, seed {}: {told:?}",
        server().major,
        plan.seed
    );
    let mut problems = Vec::new();
    if let Some(times) = told.get(LOST) {
        problems.push(format!("sessions that lost their connection: {times}"));
    }
    if !wait(&source, &destination) {
        problems.push("the destination does not catch up".to_owned());
    }
    let mut there = destination.connect(DATABASE);
    for row in there
        .query(
            "SELECT format('stands still: id %s, %s', id, error) FROM dts_ddl.stops()",
            &[],
        )
        .expect("stops")
    {
        problems.push(row.get(0));
    }
    keep_rows(&source);
    let log = destination.log();
    let stops: Vec<&str> = log.lines().filter(|line| line.contains("ERROR:")).collect();
    problems.extend(stops.iter().take(20).map(|line| format!("stop: {line}")));
    problems.extend(different(&source, &destination));
    let captured = |client: &mut Client| -> i64 {
        let count = "SELECT count(*) FROM public.dts_ddl_command";
        client.query_one(count, &[]).expect("rows").get(0)
    };
    println!(
        "rows captured: {}, stops: {}",
        captured(&mut source.connect(DATABASE)),
        stops.len()
    );
    problems
}

/// Indexes that a DROP INDEX CONCURRENTLY has left invalid when it failed: pg_dump leaves them out, and the destination has them still.
fn half_dropped(source: &Cluster) -> Vec<String> {
    let indexes = "SELECT format('INDEX public.%s, postgres: only on the destination', c.relname)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND NOT EXISTS (
          SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.refobjid = 'pg_index_has_property'::regproc)";
    let rows = source.connect(DATABASE).query(indexes, &[]);
    let names = rows.expect("indexes").into_iter();
    names.map(|row| row.get(0)).collect()
}

/// What was captured, for who wants to know why: in a file, which DTS_KEEP=1 keeps.
fn keep_rows(source: &Cluster) {
    let rows = "SELECT concat_ws(E'\\t', id, txid_current, ddl_text, message) FROM public.dts_ddl_command ORDER BY id";
    let rows = source.connect(DATABASE).query(rows, &[]).expect("rows");
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let file = std::env::temp_dir().join("captured.tsv");
    std::fs::write(&file, lines.join("\n")).expect("a file");
    std::fs::write(std::env::temp_dir().join("source.log"), source.log()).expect("a file");
    println!("captured rows: {}", file.display());
}

/// All sessions at once; how many statements had which outcome.
fn work(plan: &Plan, source: &Cluster) -> BTreeMap<String, u64> {
    let end = Instant::now() + Duration::from_secs(plan.seconds);
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..plan.sessions)
            .map(|number| {
                scope.spawn(move || session(source, Dice::new(plan.seed, number as u64 + 1), end))
            })
            .collect();
        for session in sessions {
            for (outcome, times) in session.join().expect("a session") {
                *told.entry(outcome).or_default() += times;
            }
        }
    });
    told
}

/// Until the destination has all that was committed on the source.
fn wait(source: &Cluster, destination: &Cluster) -> bool {
    let mark = "CREATE TABLE the_end ()";
    let _ = source.connect(DATABASE).batch_execute(mark);
    let mut there = destination.connect(DATABASE);
    let (mut since, mut before) = (Instant::now(), -1);
    while since.elapsed() < PATIENCE {
        let id = "SELECT coalesce(max(id), 0) FROM public.dts_ddl_command";
        let last: i64 = there.query_one(id, &[]).map_or(before, |row| row.get(0));
        if last != before {
            (since, before) = (Instant::now(), last);
        }
        let found = there.query_one("SELECT to_regclass('public.the_end') IS NOT NULL", &[]);
        if found.is_ok_and(|row| row.get(0)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

fn different(source: &Cluster, destination: &Cluster) -> Vec<String> {
    let entries = |cluster: &Cluster| {
        let output = Command::new(cluster.installation.program("pg_dump"))
            .args(["--schema-only", "--no-publications", "--no-subscriptions"])
            .args(["-N", "dts_ddl", "-d"])
            .arg(cluster.connection_string(DATABASE))
            .output()
            .expect("pg_dump");
        dump::entries(&String::from_utf8_lossy(&output.stdout))
    };
    let compared = dump::compare(&entries(source), &entries(destination));
    println!(
        "objects identical: {}/{}",
        compared.identical, compared.source
    );
    let differences = compared.differences.into_iter();
    let mut findings: Vec<Finding> = differences.map(Finding::from).collect();
    let tables =
        rows::compare(source.config(DATABASE), destination.config(DATABASE)).expect("rows");
    println!(
        "tables with the same rows: {}/{}, rows: {}",
        tables.identical_tables, tables.tables, tables.source
    );
    findings.extend(tables.findings);
    let dropped = half_dropped(source);
    findings
        .iter()
        .filter(|finding| !finding.item.contains("dts_") && !dropped.contains(&finding.item))
        .map(|finding| format!("{} {}", finding.item, finding.details.join(" | ")))
        .collect()
}

/// Runs until the end; how many statements had which outcome.
fn session(source: &Cluster, mut dice: Dice, end: Instant) -> BTreeMap<String, u64> {
    let mut outcomes = BTreeMap::new();
    let connect = || {
        let mut client = source.connect(DATABASE);
        let patience = "SET lock_timeout = '2s'; SET deadlock_timeout = '100ms'; SET client_min_messages = error";
        client.batch_execute(patience).expect("settings");
        client
    };
    let mut client = connect();
    while Instant::now() < end {
        let alone = dice.one_in(2);
        let statement = if alone {
            alone_only(&mut dice)
        } else {
            ordinary(&mut dice)
        };
        let several = !alone && dice.one_in(3);
        let sql = match (several, dice.roll(4)) {
            (false, _) => statement,
            (true, 0) => format!("BEGIN; {statement}; {}; ROLLBACK", ordinary(&mut dice)),
            (true, 1) => format!(
                "BEGIN; {statement}; SAVEPOINT a; {}; ROLLBACK TO a; {}; COMMIT",
                ordinary(&mut dice),
                ordinary(&mut dice)
            ),
            (true, _) => format!("{statement}; {}", ordinary(&mut dice)),
        };
        let outcome = match client.batch_execute(&sql) {
            Ok(()) => "ok".to_owned(),
            Err(error) => {
                let _ = client.batch_execute("ROLLBACK");
                let code = match error.code() {
                    Some(code) if !client.is_closed() => code.code(),
                    _ => LOST,
                };
                if code == "XX000" || code == LOST {
                    println!("{sql}: {error:?}");
                }
                if code == LOST {
                    client = connect();
                }
                code.to_owned()
            }
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    outcomes
}

fn table(dice: &mut Dice) -> String {
    format!("t{}", dice.roll(12))
}

fn column(dice: &mut Dice) -> &'static str {
    ["a", "b", "c"][dice.roll(3)]
}

/// Names that PostgreSQL gives, and others.
fn index(dice: &mut Dice) -> String {
    let (table, column) = (table(dice), column(dice));
    match dice.roll(8) {
        0 => format!("{table}_{column}_idx1"),
        1 => format!("{table}_{column}_idx2"),
        2 => format!("{table}_{column}_key"),
        3 | 4 => format!("x{}", dice.roll(8)),
        _ => format!("{table}_{column}_idx"),
    }
}

/// What cannot run in a transaction block.
fn alone_only(dice: &mut Dice) -> String {
    let (table, column) = (table(dice), column(dice));
    match dice.roll(16) {
        0..=4 => format!("CREATE UNIQUE INDEX CONCURRENTLY ON {table} ({column})"),
        5 => format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {} ON {table} ({column})",
            index(dice)
        ),
        6 => format!("CREATE INDEX CONCURRENTLY ON {table} ({column})"),
        7 => format!("DROP INDEX CONCURRENTLY {}", index(dice)),
        8 => format!("REINDEX INDEX CONCURRENTLY {}", index(dice)),
        9 => format!("REINDEX TABLE CONCURRENTLY {table}"),
        10 => "REINDEX SCHEMA public".to_owned(),
        _ => format!("VACUUM (FULL) {table}"),
    }
}

fn ordinary(dice: &mut Dice) -> String {
    let (table, column) = (table(dice), column(dice));
    let number = dice.roll(1_000_000);
    match dice.roll(40) {
        0..=3 => format!(
            "CREATE TABLE {table} (id serial PRIMARY KEY, a int, b int UNIQUE DEFERRABLE, c varchar(20))"
        ),
        4 => format!("DROP TABLE {table}"),
        5..=10 => format!(
            "INSERT INTO {table} (a, b, c) SELECT g % 3, {number} + g, g FROM generate_series(1, 3) g"
        ),
        11 | 12 => format!("DELETE FROM {table} WHERE id % 2 = {}", dice.roll(2)),
        13 => format!("UPDATE {table} SET a = {number} WHERE id % 5 = 0"),
        14..=16 => format!("TRUNCATE {table}"),
        17..=19 => format!("CREATE INDEX ON {table} ({column})"),
        20 => format!("CREATE INDEX {} ON {table} ({column})", index(dice)),
        21..=24 => format!("DROP INDEX {}", index(dice)),
        25 => format!("REINDEX TABLE {table}"),
        26 => format!("REINDEX INDEX {}", index(dice)),
        27 => format!("CLUSTER {table} USING {table}_pkey"),
        28 => format!(
            "ALTER TABLE {table} ALTER a TYPE {}",
            dice.pick(&["bigint", "int", "numeric"])
        ),
        29 => format!(
            "ALTER TABLE {table} ALTER c TYPE varchar({})",
            20 + dice.roll(20)
        ),
        30 => format!("ALTER INDEX {} RENAME TO {}", index(dice), index(dice)),
        31 => format!("ALTER TABLE {table} ADD UNIQUE (a)"),
        32 => format!(
            "ALTER TABLE {table} ADD CONSTRAINT {0} UNIQUE USING INDEX {0}",
            index(dice)
        ),
        33 => format!(
            "CREATE TABLE l{} (LIKE {table} INCLUDING ALL)",
            dice.roll(4)
        ),
        34 => format!("DROP TABLE l{}", dice.roll(4)),
        35 => format!("ALTER TABLE {table} SET UNLOGGED; ALTER TABLE {table} SET LOGGED"),
        36 => format!("COMMENT ON INDEX {} IS '{number}'", index(dice)),
        37 => format!("ALTER TABLE {table} RENAME TO t{}", dice.roll(12)),
        38 => format!("ALTER TABLE {table} ADD n{number} int DEFAULT {number}"),
        _ => format!("ALTER TABLE {table} DROP CONSTRAINT {}", index(dice)),
    }
}
