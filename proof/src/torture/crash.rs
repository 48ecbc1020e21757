//! Sessions run random DDL while the server is killed and restarted, again and again. After each recovery the rows are
//! exactly the commands whose commit the clients saw; one in doubt may go either way, but its row and its effect agree:
//! a second database that follows by `dts_ddl.script()` has the same dump.
//!
//! fsync is on (it is not what is tested: a killed process does not lose what the operating system holds).
//! A last part of the time is spent with a small `max_rows`: then the rows are the newest ones, and their number and
//! the highest pruned id are right after a few commands.

use super::dice::Dice;
use super::workload::{self, OPTIONS, Session, Statistics};
use super::{Findings, Plan, connect_patiently, directory, replica};
use harness::cluster::Cluster;
use harness::server;
use harness::wire::Lost;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

const SESSIONS: usize = 5;
const SMALL_LIMIT: i64 = 40;

pub fn run(plan: &Plan, findings: &Findings) {
    let cluster = server::fresh();
    let mut statistics = Statistics::default();
    for (options, plan, pruned) in [
        (
            format!("{OPTIONS} -c fsync=on -c dts_ddl_capture.max_rows=0"),
            plan.part(3, 4),
            false,
        ),
        (
            format!("{OPTIONS} -c fsync=on -c dts_ddl_capture.max_rows={SMALL_LIMIT}"),
            plan.part(1, 1),
            true,
        ),
    ] {
        cluster.start(&options);
        if let Err(lost) = rounds(&cluster, &options, &plan, pruned, findings, &mut statistics) {
            findings.violation(format!("the server did not answer: {lost}"));
        }
        cluster.stop("fast");
    }
    let Statistics {
        transactions,
        statements,
        errors,
        connections,
    } = statistics;
    let errors: Vec<String> = errors
        .iter()
        .map(|(code, times)| format!("{code} {times}"))
        .collect();
    findings.fact(format!(
        "{SESSIONS} sessions, {connections} connections, {transactions} transactions, {statements} statements; errors of their own: {}",
        errors.join(", ")
    ));
    let log = cluster.log();
    for word in [
        "PANIC",
        "TRAP:",
        "panicked",
        "SIGABRT",
        "signal 6",
        "signal 11",
    ] {
        for line in log.lines().filter(|line| line.contains(word)).take(3) {
            findings.violation(format!("server log: {line}"));
        }
    }
}

fn rounds(
    cluster: &Cluster,
    options: &str,
    plan: &Plan,
    pruned: bool,
    findings: &Findings,
    statistics: &mut Statistics,
) -> Result<(), Lost> {
    let mut dice = Dice::new(plan.seed, 100 + u64::from(pruned));
    let mut sessions: Vec<Session> = (0..SESSIONS)
        .map(|n| Session::new(plan.seed ^ u64::from(pruned), n, false))
        .collect();
    let mut after = workload::make_databases(cluster, plan, SESSIONS, findings)?;
    let (mut rows, mut prepared, mut invalid, mut entries) = (0, 0, 0, 0);
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    let mut number = 0;
    while number == 0 || !plan.is_over() && !findings.are_enough() {
        number += 1;
        *ends
            .entry(round(cluster, options, &mut dice, &mut sessions))
            .or_default() += 1;
        let mut wire = connect_patiently(cluster, "torture");
        prepared += workload::end_prepared(&mut wire)?;
        let mut list: Vec<&mut Session> = sessions.iter_mut().collect();
        rows += workload::check(&mut wire, &mut list, after, pruned, findings)?;
        if pruned {
            expect_kept(&mut wire, findings)?;
            after = wire
                .value("SELECT max(id) FROM public.dts_ddl_command")?
                .parse()
                .unwrap_or(0);
        } else {
            after = replica::follow(
                cluster,
                plan,
                &mut wire,
                ("torture", "replica"),
                after,
                findings,
            )?;
            invalid += workload::drop_invalid_indexes(cluster, &mut wire)?;
            entries = replica::compare(cluster, ("torture", "replica"), "t\\_*", findings);
        }
    }
    for session in &sessions {
        statistics.add(&session.statistics);
    }
    let ends: Vec<String> = ends
        .iter()
        .map(|(end, times)| format!("{end} {times}"))
        .collect();
    findings.fact(if pruned {
        format!("max_rows = {SMALL_LIMIT}: {rows} rows seen; ends of rounds: {}", ends.join(", "))
    } else {
        format!(
            "{rows} rows exactly as committed; prepared transactions left and ended {prepared}, invalid indexes {invalid}; \
             replica's dump identical, last {entries} entries; ends of rounds: {}",
            ends.join(", ")
        )
    });
    Ok(())
}

/// The sessions run until their server or they are killed; returns what was done.
fn round(
    cluster: &Cluster,
    options: &str,
    dice: &mut Dice,
    sessions: &mut [Session],
) -> &'static str {
    let directory = directory(cluster);
    let (stop, dying) = (AtomicBool::new(false), AtomicBool::new(false));
    let pids: Vec<AtomicI32> = sessions.iter().map(|_| AtomicI32::new(0)).collect();
    std::thread::scope(|scope| {
        for (session, pid) in sessions.iter_mut().zip(&pids) {
            let (directory, stop, dying) = (&directory, &stop, &dying);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !dying.load(Ordering::Relaxed) {
                    let Ok(mut wire) = session.connect(directory) else {
                        std::thread::sleep(Duration::from_millis(10));
                        continue;
                    };
                    pid.store(wire.pid, Ordering::Relaxed);
                    while !stop.load(Ordering::Relaxed) && session.transaction(&mut wire).is_ok() {}
                    pid.store(0, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(100 + dice.roll(900) as u64));
        let victim = pids[dice.roll(pids.len())].load(Ordering::Relaxed);
        let what = match dice.roll(8) {
            0..=2 => {
                dying.store(true, Ordering::Relaxed);
                cluster.kill_and_start(options);
                "postmaster and children killed"
            }
            3 | 4 if victim != 0 => {
                dying.store(true, Ordering::Relaxed);
                signal("KILL", victim);
                "a backend killed"
            }
            5 => {
                dying.store(true, Ordering::Relaxed);
                cluster.stop("immediate");
                cluster.start(options);
                "immediate shutdown"
            }
            6 => {
                dying.store(true, Ordering::Relaxed);
                cluster.stop("fast");
                cluster.start(options);
                "fast shutdown"
            }
            _ => {
                for _ in 0..10 {
                    let victim = pids[dice.roll(pids.len())].load(Ordering::Relaxed);
                    if victim != 0 {
                        signal("TERM", victim);
                    }
                    std::thread::sleep(Duration::from_millis(20 + dice.roll(60) as u64));
                }
                "backends terminated"
            }
        };
        // a backend that was killed takes the others with it, but not before the postmaster has noticed
        std::thread::sleep(Duration::from_millis(50));
        stop.store(true, Ordering::Relaxed);
        what
    })
}

pub fn signal(name: &str, pid: i32) {
    let _ = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
}

/// A lone session brings the number of rows and the highest pruned id in order by itself.
fn expect_kept(wire: &mut harness::wire::Wire, findings: &Findings) -> Result<(), Lost> {
    for n in 0..150 {
        wire.rows(&format!("COMMENT ON SCHEMA t_lib IS '{n}'"))?;
    }
    let seen = wire.rows(
        "SELECT count(*), dts_ddl.pruned_through() - min(id) + 1 FROM public.dts_ddl_command",
    )?;
    let wanted = [SMALL_LIMIT.to_string(), "0".to_owned()];
    if seen[0] != wanted {
        findings.violation(format!(
            "rows, distance of the highest pruned id: {:?}, not {wanted:?}",
            seen[0]
        ));
    }
    Ok(())
}
