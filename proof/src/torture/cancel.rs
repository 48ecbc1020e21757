//! Commands that are cancelled, time out, wait too long, deadlock, lose their connection, or find no memory or disk space, in
//! the middle of DDL: afterwards rows and DDL agree, the session goes on, and its next rows are right.
//!
//! The sessions are those of the crash topic, with slower commands among them. First part: statement_timeout of 1 to 50 ms,
//! lock_timeout, idle_in_transaction_session_timeout, deadlocks, temp_file_limit, cancel requests, terminated backends.
//! Second part: backends whose address space may not grow (RLIMIT_AS): PostgreSQL answers "out of memory" and goes on; a
//! backend that aborts takes all others with it. What is compared is what the crash topic compares.

use super::dice::Dice;
use super::workload::{self, OPTIONS, Session, Statistics};
use super::{Findings, Plan, connect_patiently, crash, directory, lock, replica};
use harness::cluster::Cluster;
use harness::server;
use harness::wire::{self, Lost, Wire};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SESSIONS: usize = 5;

/// A process that finds no memory for its statistics may follow a pointer that was never set when it ends (pgstat_shmem.c:
/// pgstat_get_entry_ref, pgstat_detach_shmem). Of 9,165 limits that --bare 1 set on 15, two ended so. Up to one in so many is a fact here.
const SEGMENTATION_FAULTS_OF_POSTGRESQL: usize = 500;

pub fn run(plan: &Plan, findings: &Findings) {
    for (plan, memory) in [(plan.part(3, 5), false), (plan.part(1, 1), true)] {
        let cluster = server::fresh();
        cluster.start(&format!("{OPTIONS} -c dts_ddl_capture.max_rows=0"));
        let limits = rounds(&cluster, &plan, memory, findings).unwrap_or_else(|lost| {
            findings.violation(format!("the server did not answer: {lost}"));
            0
        });
        let log = cluster.log();
        let lines: Vec<&str> = log.lines().collect();
        let own: Vec<&str> = lines
            .iter()
            .filter_map(|line| ended_in_commit(line))
            .collect();
        if !own.is_empty() {
            findings.fact(format!(
                "{} sessions found no memory in the middle of COMMIT, a panic of PostgreSQL",
                own.len()
            ));
        }
        if memory {
            let segments = lines
                .iter()
                .filter(|line| is_segmentation_fault(line))
                .count();
            findings.fact(format!(
                "{segments} processes without memory ended by signal 11"
            ));
            if segments > 1 + limits / SEGMENTATION_FAULTS_OF_POSTGRESQL {
                findings.violation("more processes ended by signal 11 than without the extension");
            }
        }
        for word in [
            "terminated by signal",
            "PANIC",
            "TRAP:",
            "panicked",
            "memory allocation of",
        ] {
            let wrong = |line: &&str| {
                line.contains(word)
                    && !is_postgresqls_own(line, &own)
                    && !(memory && is_segmentation_fault(line))
            };
            if plan.bare {
                let ours = lines.iter().copied().filter(wrong);
                ours.for_each(|line| findings.fact(format!("PostgreSQL's own: {line}")));
            } else if let Some(at) = lines.iter().position(wrong) {
                findings.violation(format!(
                    "server log: {}",
                    lines[at.saturating_sub(60)..(at + 3).min(lines.len())].join("\n    ")
                ));
            }
        }
        cluster.stop("fast");
    }
}

/// The process that found no memory when its transaction was committed already: that panics without the extension, too (xact.c:
/// AbortTransaction, RecordTransactionAbort).
fn ended_in_commit(line: &str) -> Option<&str> {
    let (before, _) = line.split_once("] PANIC:  cannot abort transaction ")?;
    before.rsplit_once('[').map(|(_, process)| process)
}

fn is_segmentation_fault(line: &str) -> bool {
    line.contains(") was terminated by signal 11:")
}

fn is_postgresqls_own(line: &str, ended_in_commit: &[&str]) -> bool {
    ended_in_commit.iter().any(|process| {
        line.contains(&format!("[{process}] PANIC:  cannot abort transaction "))
            || line.contains(&format!("(PID {process}) was terminated by signal 6"))
    })
}

fn rounds(
    cluster: &Cluster,
    plan: &Plan,
    memory: bool,
    findings: &Findings,
) -> Result<usize, Lost> {
    let stream = if memory { 300 } else { 200 };
    let mut dice = Dice::new(plan.seed, stream);
    let mut sessions: Vec<Session> = (0..SESSIONS)
        .map(|n| Session::new(plan.seed ^ stream, n, true))
        .collect();
    let mut after = workload::make_databases(cluster, plan, SESSIONS, findings)?;
    let (mut rows, mut number, mut entries, mut done) = (0, 0, 0, 0);
    while number == 0 || !plan.is_over() && !findings.are_enough() {
        number += 1;
        done += round(cluster, &mut dice, &mut sessions, memory);
        let mut wire = connect_patiently(cluster, "torture");
        workload::end_prepared(&mut wire)?;
        if plan.bare {
            let answers = sessions.iter_mut().flat_map(Session::internal_errors);
            answers.for_each(|answer| findings.fact(format!("PostgreSQL's own: session {answer}")));
            continue;
        }
        let mut list: Vec<&mut Session> = sessions.iter_mut().collect();
        rows += workload::check(&mut wire, &mut list, after, false, findings)?;
        after = replica::follow(
            cluster,
            plan,
            &mut wire,
            ("torture", "replica"),
            after,
            findings,
        )?;
        workload::drop_invalid_indexes(cluster, &mut wire)?;
        entries = replica::compare(cluster, ("torture", "replica"), "t\\_*", findings);
    }
    let mut all = Statistics::default();
    for session in &sessions {
        all.add(&session.statistics);
    }
    let hits = |codes: &[&str]| {
        codes
            .iter()
            .filter_map(|code| all.errors.get(*code))
            .sum::<u64>()
    };
    findings.fact(format!(
        "{}: {number} rounds, {} statements, {} connections, {done} {}; {rows} rows exactly as committed, replica's dump \
         identical (last {entries} entries); cancelled or timed out {}, lock timeouts {}, deadlocks {}, temp_file_limit {}, out of memory {}",
        if memory { "no memory" } else { "cancel" },
        all.statements,
        all.connections,
        if memory { "limits set" } else { "cancel requests and terminations" },
        hits(&["57014"]),
        hits(&["55P03"]),
        hits(&["40P01"]),
        hits(&["53400"]),
        hits(&["53200"]),
    ));
    Ok(if memory { done } else { 0 })
}

/// The sessions run for a moment while they are disturbed; returns how often.
fn round(cluster: &Cluster, dice: &mut Dice, sessions: &mut [Session], memory: bool) -> usize {
    let directory = directory(cluster);
    let stop = AtomicBool::new(false);
    let keys: Vec<Mutex<(i32, i32)>> = sessions.iter().map(|_| Mutex::new((0, 0))).collect();
    std::thread::scope(|scope| {
        for (session, key) in sessions.iter_mut().zip(&keys) {
            let (directory, stop) = (&directory, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Ok(mut wire) = session.connect(directory) else {
                        std::thread::sleep(Duration::from_millis(10));
                        continue;
                    };
                    if memory && grow_stack(&mut wire).is_err() {
                        continue;
                    }
                    *lock(key) = wire.cancel_key();
                    // a backend whose memory is short is given up after a while
                    let start = Instant::now();
                    while !stop.load(Ordering::Relaxed)
                        && session.transaction(&mut wire).is_ok()
                        && !(memory && start.elapsed() > Duration::from_millis(400))
                    {
                    }
                    *lock(key) = (0, 0);
                }
            });
        }
        let end = Instant::now() + Duration::from_millis(700 + dice.roll(1500) as u64);
        let mut done = 0;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(
                2 + dice.roll(if memory { 60 } else { 20 }) as u64,
            ));
            let key = *lock(&keys[dice.roll(keys.len())]);
            if key.0 == 0 {
                continue;
            }
            done += 1;
            if memory {
                limit_memory(key.0, (1 << dice.roll(23)) as u64);
            } else if dice.one_in(12) {
                crash::signal("TERM", key.0);
            } else {
                wire::cancel(&directory, key);
            }
        }
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// The kernel ends a process whose stack cannot grow: it becomes as large as max_stack_depth lets it before there is a limit.
fn grow_stack(wire: &mut Wire) -> Result<(), Lost> {
    let depth = 20_000;
    wire.query(format!(
        "SELECT {}1{}",
        "-(".repeat(depth),
        ")".repeat(depth)
    ))?;
    Ok(())
}

/// The address space of a process may grow by so many bytes only.
fn limit_memory(pid: i32, more: u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let Some(pages) = status
        .split_whitespace()
        .next()
        .and_then(|pages| pages.parse::<u64>().ok())
    else {
        return;
    };
    let _ = Command::new("prlimit")
        .args([
            "--pid",
            &pid.to_string(),
            &format!("--as={}:", pages * 4096 + more),
        ])
        .stderr(Stdio::null())
        .status();
}
