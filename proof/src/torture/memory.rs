//! Memory of many sessions and of long ones, beside a bare database of the same cluster.
//!
//! Many: 500 connections that each run DDL, all of them open at the end; the sum of their PSS (memory that several share is
//! counted once) stays below 2 GB. No limit is put on the server: that is for the cancel topic.
//! Long: one session runs DDL of several kinds, also such that fails; what it holds after 2,000 commands against what it held
//! after 100, in PostgreSQL's memory contexts (14 and later) and as private memory of the process, less what the bare
//! server's session has grown by. A string of 10,000 statements likewise.

use super::{Findings, Plan, connect_patiently, directory};
use harness::server;
use harness::wire::{Lost, Wire};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CONNECTIONS: usize = 500;
const EACH: usize = 6;
const MOST_KB: u64 = 2 * 1024 * 1024;
const SHORT: usize = 100;
const LONG: usize = 2000;
const IN_ONE_STRING: usize = 10_000;
/// What the capture may hold in a session beyond the bare server.
const SESSION_KB: i64 = 1024;
/// What it may hold more after many commands than after a few. Caches of PostgreSQL grow in steps as large as this.
const GROWTH_KB: i64 = 512;
const DATABASES: [&str; 2] = ["captured", "bare"];

pub fn run(plan: &Plan, findings: &Findings) {
    let cluster = server::fresh();
    cluster.start(&format!(
        "-c max_connections={} -c shared_buffers=64MB",
        CONNECTIONS + 20
    ));
    let mut admin = connect_patiently(&cluster, "postgres");
    for database in DATABASES {
        let _ = admin.query(format!("CREATE DATABASE {database}"));
    }
    let mut captured = connect_patiently(&cluster, "captured");
    let _ = captured.query("CREATE EXTENSION dts_ddl_capture");
    let directory = directory(&cluster);
    for part in [many, long, one_string] {
        if let Err(lost) = part(&directory, plan, findings) {
            findings.violation(format!("the server did not answer: {lost}"));
        }
    }
    cluster.stop("fast");
}

fn many(directory: &Path, _plan: &Plan, findings: &Findings) -> Result<(), Lost> {
    let mut totals = Vec::new();
    for database in DATABASES {
        let mut wires = Vec::new();
        for _ in 0..CONNECTIONS {
            wires.push(Wire::connect(directory, "postgres", database, &[])?);
        }
        let failed = std::thread::scope(|scope| {
            let threads: Vec<_> = wires
                .chunks_mut(CONNECTIONS / 10)
                .enumerate()
                .map(|(thread, part)| {
                    scope.spawn(move || -> Result<(), Lost> {
                        for n in 0..EACH {
                            for (number, wire) in part.iter_mut().enumerate() {
                                wire.rows(&round(n, &format!("m{thread}_{number}_{n}")))?;
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok()?.err())
                .next()
        });
        if let Some(lost) = failed {
            return Err(lost);
        }
        totals.push(
            wires
                .iter()
                .map(|wire| kilobytes(wire.pid, "smaps_rollup", "Pss:"))
                .sum::<u64>(),
        );
    }
    let each = (totals[0] as i64 - totals[1] as i64) / CONNECTIONS as i64;
    findings.fact(format!(
        "{CONNECTIONS} connections with {EACH} rounds of DDL: {} MB in all (bare: {} MB), {each} kB more for each",
        totals[0] / 1024,
        totals[1] / 1024
    ));
    if totals[0] > MOST_KB || each > SESSION_KB {
        findings.violation(format!(
            "{} kB for {CONNECTIONS} connections, {each} kB more for each",
            totals[0]
        ));
    }
    Ok(())
}

/// Several commands that leave nothing behind.
fn round(n: usize, name: &str) -> String {
    match n % 3 {
        0 => format!(
            "CREATE TABLE {name} (id int PRIMARY KEY, a text); ALTER TABLE {name} ADD COLUMN b int; DROP TABLE {name}"
        ),
        1 => format!(
            "DO $$ BEGIN EXECUTE 'CREATE VIEW {name} AS SELECT 1 AS x'; EXECUTE 'DROP VIEW {name}'; END $$"
        ),
        _ => format!(
            "CREATE TABLE {name} AS SELECT 1 AS x; COMMENT ON TABLE {name} IS 'x'; GRANT SELECT ON {name} TO PUBLIC; DROP TABLE {name}; \
             CREATE FUNCTION {name}() RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP FUNCTION {name}()"
        ),
    }
}

/// What a session holds: contexts in bytes, and private memory in kB.
fn held(wire: &mut Wire, has_view: bool) -> Result<(i64, i64), Lost> {
    let contexts = if has_view {
        wire.value("SELECT sum(total_bytes) FROM pg_backend_memory_contexts")?
    } else {
        String::new()
    };
    Ok((
        contexts.parse::<i64>().unwrap_or(0) / 1024,
        kilobytes(wire.pid, "status", "RssAnon:") as i64,
    ))
}

fn long(directory: &Path, plan: &Plan, findings: &Findings) -> Result<(), Lost> {
    let mut growth = Vec::new();
    for database in DATABASES {
        let mut wire = Wire::connect(
            directory,
            "postgres",
            database,
            &[("client_min_messages", "error")],
        )?;
        let has_view =
            wire.value("SELECT to_regclass('pg_backend_memory_contexts') IS NOT NULL")? == "t";
        // the view is used once before, so that what its query caches is there in both measurements
        held(&mut wire, has_view)?;
        let (mut commands, mut first, mut times) = (0, None, 0);
        while commands < LONG {
            let n = times;
            times += 1;
            commands += round(n, "l").matches(';').count().max(2);
            wire.rows(&round(n, &format!("l{n}")))?;
            // what fails, at the top, inside a function, and taken back by it
            wire.query("CREATE TABLE pg_catalog.nowhere (a int)")?;
            wire.query("DO $$ BEGIN EXECUTE 'CREATE TABLE f1 (a int)'; EXECUTE 'CREATE TABLE f1 (a int)'; END $$")?;
            wire.query("DO $$ BEGIN EXECUTE 'CREATE TABLE f2 (a int)'; EXECUTE 'DROP TABLE nowhere'; EXCEPTION WHEN OTHERS THEN NULL; END $$")?;
            wire.query("BEGIN; CREATE TABLE f3 AS SELECT 1 / 0 AS x")?;
            wire.query("ROLLBACK")?;
            commands += 6;
            if first.is_none() && commands >= SHORT {
                first = Some(held(&mut wire, has_view)?);
            }
            if database == "captured" && plan.is_over() && commands > LONG / 2 {
                break;
            }
        }
        let (first, last) = (first.unwrap_or_default(), held(&mut wire, has_view)?);
        growth.push((first, last));
    }
    let [(first, last), (bare_first, bare_last)] = [growth[0], growth[1]];
    findings.fact(format!(
        "one session, kB after {SHORT} and {LONG} commands: contexts {} and {} ({:.3}; bare {} and {}), private memory {} and {} ({:.3}; bare {} and {})",
        first.0,
        last.0,
        last.0 as f64 / first.0.max(1) as f64,
        bare_first.0,
        bare_last.0,
        first.1,
        last.1,
        last.1 as f64 / first.1.max(1) as f64,
        bare_first.1,
        bare_last.1
    ));
    let contexts = (last.0 - first.0) - (bare_last.0 - bare_first.0);
    let private = (last.1 - first.1) - (bare_last.1 - bare_first.1);
    if contexts > GROWTH_KB || private > GROWTH_KB {
        findings.violation(format!("a session grows: contexts by {contexts} kB, private memory by {private} kB more than in the bare database"));
    }
    Ok(())
}

fn one_string(directory: &Path, _plan: &Plan, findings: &Findings) -> Result<(), Lost> {
    // no tables: thousands of them in one transaction would need their locks
    let string: String = (0..IN_ONE_STRING)
        .map(|n| format!("CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS 'SELECT {n}';\n"))
        .collect();
    let mut seen = Vec::new();
    for database in DATABASES {
        let mut wire = Wire::connect(directory, "postgres", database, &[])?;
        wire.rows("CREATE TABLE s (a int)")?;
        wire.rows("DROP TABLE s")?;
        let pid = wire.pid;
        let held = || kilobytes(pid, "status", "RssAnon:") as i64;
        let (before, done) = (held(), AtomicBool::new(false));
        // VmHWM counts shared buffers as well, so the highest private memory is looked for
        let (peak, reply) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut peak = before;
                while !done.load(Ordering::Relaxed) {
                    peak = peak.max(held());
                    std::thread::sleep(Duration::from_millis(5));
                }
                peak
            });
            let reply = wire.query(&string);
            done.store(true, Ordering::Relaxed);
            (watcher.join().unwrap_or_default(), reply)
        });
        let reply = reply?;
        if !reply.succeeded() {
            findings.violation(format!(
                "{IN_ONE_STRING} statements in one string, {database}: {}",
                reply.message()
            ));
        }
        seen.push((before, peak, held()));
    }
    let more = (seen[0].1 - seen[0].0) - (seen[1].1 - seen[1].0);
    let left = (seen[0].2 - seen[0].0) - (seen[1].2 - seen[1].0);
    findings.fact(format!(
        "{IN_ONE_STRING} statements in one string: at most {} kB above the start (bare {}), {} kB left behind (bare {})",
        seen[0].1 - seen[0].0,
        seen[1].1 - seen[1].0,
        seen[0].2 - seen[0].0,
        seen[1].2 - seen[1].0
    ));
    if more > (seen[1].1 - seen[1].0) / 4 + GROWTH_KB || left > 8 * GROWTH_KB {
        findings.violation(format!("{IN_ONE_STRING} statements in one string: {more} kB more than bare, {left} kB more left behind"));
    }
    Ok(())
}

/// A figure of /proc.
fn kilobytes(pid: i32, file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text
        .lines()
        .find(|line| line.starts_with(key))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
