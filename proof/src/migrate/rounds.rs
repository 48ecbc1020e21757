//! A whole migration: given up a few times first, then started under load and killed at random moments until it is there,
//! compared, switched over and finished.
//!
//! Kills are one of three: the program (only it: what it has started lives on), all of the source's server, all of the
//! target's. The seed decides which and after how long.

use super::database::{self, OWNER, Size};
use super::dice::Dice;
use super::load::{Kind, Load};
use super::server::{DATABASE, Pair, Server};
use super::state::{self, Before};
use crate::lock;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// No command takes longer, but `compare` and `start` of a larger database.
const PATIENCE: Duration = Duration::from_secs(900);
/// Runs of `start` that fail though nothing was killed: more of them tell nothing new.
const ATTEMPTS: usize = 3;
const SESSIONS: u64 = 3;
/// What is promised of `switch`.
const DOWNTIME: f64 = 2.0;

pub struct Plan {
    pub seed: u64,
    pub size: Size,
    pub kills: usize,
    pub aborts: usize,
    pub tps: u32,
    /// Transactions of the DDL load, each second.
    pub ddl: f64,
    pub directory: PathBuf,
}

/// How a command ended, and what it said.
struct Outcome {
    status: Option<ExitStatus>,
    text: String,
    seconds: f64,
}

impl Outcome {
    fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    fn is_done(&self) -> bool {
        self.code() == Some(0)
    }

    /// Its last words.
    fn end(&self) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n      ")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Program,
    Source,
    Target,
}

struct Run<'a> {
    pair: &'a Pair,
    plan: &'a Plan,
    violations: Mutex<Vec<String>>,
}

/// All of it; what must not be.
pub fn run(plan: &Plan) -> Vec<String> {
    let pair = Pair::new();
    let start = Instant::now();
    let tables = database::make(&pair.source, &plan.size, plan.seed);
    Load::prepare(&pair.source);
    let size = pair.source.column(
        DATABASE,
        "SELECT pg_size_pretty(pg_database_size(current_database()))",
    );
    println!(
        "PostgreSQL {} to {}, seed {}: {} in {} tables, made in {:.0} s",
        pair.source.major(),
        pair.target.major(),
        plan.seed,
        size[0],
        tables.len(),
        start.elapsed().as_secs_f64()
    );
    let log = File::create(plan.directory.join("ddl.sql")).expect("a file for what succeeded");
    let load = Load::new(&pair.source, &tables, Kind::Hard, plan.seed, log);
    let run = Run {
        pair: &pair,
        plan,
        violations: Mutex::default(),
    };
    let before = Before::of(&pair);
    std::thread::scope(|scope| {
        // whatever panics below: the threads end
        let end = Stop(&load);
        scope.spawn(|| load.pgbench(plan.tps));
        run.aborts(&before);
        scope.spawn(|| load.watch());
        for number in 0..SESSIONS {
            let load = &load;
            scope.spawn(move || load.session(number, plan.ddl / SESSIONS as f64));
        }
        std::thread::sleep(Duration::from_secs(5));
        println!("load alone: {}", load.phase());
        if !run.start() {
            return;
        }
        println!("load during start: {}", load.phase());
        run.compare(&pair);
        println!("load during compare: {}", load.phase());
        let switched = run.switch();
        drop(end);
        if !switched {
            return;
        }
        let (found, rows) = state::differ(&pair, &before);
        println!("rows compared: {rows}, differences: {}", found.len());
        run.violate_all(found);
        let done = run.command(&["finish", "--open-old"]);
        println!("finish: {:.1} s", done.seconds);
        run.expect("finish", &done);
        let mut found = before.left(&pair);
        found.extend(state::schemas_differ(&pair, true));
        println!("left after finish: {}", found.len());
        run.violate_all(found);
    });
    run.violations.into_inner().expect("no thread has panicked")
}

/// Ends the load's threads.
struct Stop<'a>(&'a Load<'a>);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Run<'_> {
    /// Told at once, too: the run may be long.
    fn violate(&self, text: String) {
        println!("VIOLATION: {text}");
        lock(&self.violations).push(text);
    }

    fn violate_all(&self, texts: Vec<String>) {
        for text in texts {
            self.violate(text);
        }
    }

    fn expect(&self, name: &str, outcome: &Outcome) {
        if !outcome.is_done() {
            self.violate(format!(
                "{name} failed ({:?}):\n      {}",
                outcome.status,
                outcome.end()
            ));
        }
    }

    fn start_arguments(&self) -> Vec<&'static str> {
        let mut arguments = vec!["start", "--jobs", "2"];
        if self.pair.target.major() < 16 {
            arguments.push("--trust-source");
        }
        arguments
    }

    fn spawn(&self, arguments: &[&str]) -> Running {
        let name = self.plan.directory.join("dts-migrate.log");
        let file = || {
            File::options()
                .create(true)
                .append(true)
                .open(&name)
                .expect("a file for the output")
        };
        let from = file().metadata().map_or(0, |metadata| metadata.len());
        let mut command = self.pair.dts_migrate(arguments);
        // its own files, if it has any
        command
            .current_dir(&self.plan.directory)
            .env("HOME", &self.plan.directory);
        let child = command
            .stdout(file())
            .stderr(file())
            .spawn()
            .expect("dts-migrate");
        Running {
            child,
            name,
            from,
            start: Instant::now(),
        }
    }

    /// Until it ends.
    fn command(&self, arguments: &[&str]) -> Outcome {
        self.spawn(arguments).wait(PATIENCE)
    }

    /// Nothing lasts as long as the copy, which takes longer for a larger database: from 50 ms on, each time as likely
    /// as ten times as long.
    fn moment(&self, dice: &mut Dice) -> Duration {
        let longest = (self.plan.size.megabytes as f64 / 2048.0 * 40.0).max(4.0);
        let part = dice.roll(1000) as f64 / 1000.0;
        Duration::from_secs_f64(0.05 * (longest / 0.05).powf(part))
    }

    /// Begins a migration and gives it up again; the source is as it was.
    fn aborts(&self, before: &Before) {
        let mut dice = Dice::new(self.plan.seed, 8);
        for number in 0..self.plan.aborts {
            self.pair.fresh_target();
            let moment = self.moment(&mut dice);
            let twice = dice.one_in(3);
            let outcome = self.spawn(&self.start_arguments()).wait(moment);
            if twice {
                // an abort that is killed is repeated
                self.spawn(&["abort"])
                    .wait(Duration::from_millis(30 + dice.roll(400) as u64));
            }
            let abort = self.command(&["abort"]);
            let found = before.differs(self.pair);
            println!(
                "abort {}: start {} after {:.2} s{}, abort {:.1} s, differences {}",
                number + 1,
                if outcome.status.is_some() {
                    "ended"
                } else {
                    "killed"
                },
                outcome.seconds,
                if twice { ", abort killed once" } else { "" },
                abort.seconds,
                found.len()
            );
            self.expect("abort", &abort);
            self.violate_all(found);
        }
        self.pair.fresh_target();
    }

    /// Until `start` has succeeded; false when it does not.
    fn start(&self) -> bool {
        let mut dice = Dice::new(self.plan.seed, 7);
        let mut failures = 0;
        let begin = Instant::now();
        for round in 0.. {
            let kill = (round < self.plan.kills).then(|| {
                let victim = *dice.pick(&[
                    Victim::Program,
                    Victim::Source,
                    Victim::Program,
                    Victim::Target,
                ]);
                (victim, self.moment(&mut dice))
            });
            let mut running = self.spawn(&self.start_arguments());
            let mut told = String::new();
            if let Some((victim, moment)) = kill {
                if running.ends_within(moment) {
                    told = format!(
                        "ended before its kill ({victim:?} after {:.2} s); ",
                        moment.as_secs_f64()
                    );
                } else {
                    told = format!("{victim:?} killed after {:.2} s; ", moment.as_secs_f64());
                    match victim {
                        Victim::Program => running.kill(),
                        Victim::Source => self.pair.source.kill(),
                        Victim::Target => self.pair.target.kill(),
                    }
                }
            }
            let killed = told.contains(" killed after ");
            let outcome = running.wait(PATIENCE);
            println!(
                "start {}: {told}{:?} after {:.1} s",
                round + 1,
                outcome.code(),
                outcome.seconds
            );
            if outcome.is_done() {
                println!(
                    "start: {:.1} s with everything",
                    begin.elapsed().as_secs_f64()
                );
                return true;
            }
            if !killed {
                self.expect("start, of which nothing was killed,", &outcome);
                failures += 1;
                if failures == ATTEMPTS {
                    return false;
                }
            }
        }
        false
    }

    /// While users go on.
    fn compare(&self, pair: &Pair) {
        let outcome = self.command(&["compare"]);
        println!(
            "compare: {:?} after {:.1} s",
            outcome.code(),
            outcome.seconds
        );
        match outcome.code() {
            Some(0) => {}
            Some(3) => println!("      {}", outcome.end()),
            _ => self.violate(format!(
                "compare: {:?}:\n      {}\n      {}",
                outcome.status,
                outcome.end(),
                pair.target
                    .cluster
                    .log()
                    .lines()
                    .rev()
                    .take(5)
                    .collect::<Vec<_>>()
                    .join("\n      ")
            )),
        }
    }

    /// Under load; how long a user who writes all the while could not.
    fn switch(&self) -> bool {
        let stop = AtomicBool::new(false);
        let (outcome, beats) = std::thread::scope(|scope| {
            let beats = scope.spawn(|| beats(self.pair, &stop));
            std::thread::sleep(Duration::from_secs(1));
            let outcome = self.command(&["switch", "--yes"]);
            std::thread::sleep(Duration::from_secs(1));
            stop.store(true, Ordering::Relaxed);
            (outcome, beats.join().expect("a user who writes"))
        });
        if !outcome.is_done() {
            self.expect("switch", &outcome);
            return false;
        }
        let said = downtime(&outcome.text);
        println!(
            "switch at {} tps: {:.1} s in all; downtime {said:?} s by itself, {:?} s for a user ({} rows, then {})",
            self.plan.tps,
            outcome.seconds,
            beats.gap,
            beats.source.len(),
            beats.target.len()
        );
        match said {
            None => self.violate(format!(
                "switch does not print its downtime:\n      {}",
                outcome.end()
            )),
            Some(seconds) if seconds > DOWNTIME => self.violate(format!("downtime of {seconds} s")),
            Some(_) => {}
        }
        match beats.gap {
            None => self.violate("nobody can write after the switch".to_owned()),
            Some(seconds) if seconds > DOWNTIME => {
                self.violate(format!("a user could not write for {seconds:.2} s"))
            }
            Some(_) => {}
        }
        let there = self
            .pair
            .target
            .column(DATABASE, "SELECT n FROM load.heartbeat");
        let there: std::collections::BTreeSet<u64> =
            there.iter().filter_map(|n| n.parse().ok()).collect();
        let written = || beats.source.iter().chain(&beats.target);
        let lost = written().filter(|n| !there.contains(n)).count();
        if lost > 0 {
            self.violate(format!(
                "{lost} rows that a user has committed are not on the target"
            ));
        }
        if beats.both {
            self.violate("the source took a row after the target had taken one".to_owned());
        }
        // (what the user has written on the target since stands there only: away with it, for the comparison)
        let numbers = beats
            .target
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        if !numbers.is_empty() {
            let mut client = self.pair.target.connect(DATABASE);
            client
                .batch_execute(&format!(
                    "DELETE FROM load.heartbeat WHERE n IN ({numbers})"
                ))
                .expect("rows go");
        }
        true
    }
}

/// A command that runs.
struct Running {
    child: Child,
    name: PathBuf,
    from: u64,
    start: Instant,
}

impl Running {
    fn ends_within(&mut self, time: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < time {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Killed when it takes longer: then without a status.
    fn wait(mut self, time: Duration) -> Outcome {
        let ended = self.ends_within(time);
        if !ended {
            self.kill();
        }
        let status = self.child.wait().ok().filter(|_| ended);
        Outcome {
            status,
            text: text(&self.name, self.from),
            seconds: self.start.elapsed().as_secs_f64(),
        }
    }
}

/// The seconds that `switch` prints: `downtime 0.5 s`, or `0.5 seconds of downtime`.
fn downtime(text: &str) -> Option<f64> {
    let line = text
        .lines()
        .rev()
        .find(|line| line.to_lowercase().contains("downtime"))?;
    let seconds =
        regex::Regex::new("([0-9]+(?:\\.[0-9]+)?) ?(?:s|seconds)\\b").expect("an expression");
    seconds.captures(line)?[1].parse().ok()
}

fn text(name: &Path, from: u64) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(name)
        && file.seek(SeekFrom::Start(from)).is_ok()
    {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a user has written, number by number.
#[derive(Default)]
struct Beats {
    source: Vec<u64>,
    target: Vec<u64>,
    /// Seconds between the last on the source and the first on the target.
    gap: Option<f64>,
    /// The source took one after the target had.
    both: bool,
}

/// A user who writes a row again and again, on the source as long as that takes it, else on the target.
fn beats(pair: &Pair, stop: &AtomicBool) -> Beats {
    let mut beats = Beats::default();
    let mut last = Instant::now();
    let mut connections: [Option<postgres::Client>; 2] = [None, None];
    let write = |server: &Server,
                 connection: &mut Option<postgres::Client>,
                 n: u64|
     -> Result<(), postgres::Error> {
        let client = match connection {
            Some(client) if !client.is_closed() => client,
            _ => connection.insert(server.try_connect(DATABASE, OWNER)?),
        };
        client.batch_execute(&format!("INSERT INTO load.heartbeat VALUES ({n})"))
    };
    for n in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
        let [source, target] = &mut connections;
        if write(&pair.source, source, n).is_ok() {
            last = Instant::now();
            beats.source.push(n);
            beats.both |= !beats.target.is_empty();
        } else if write(&pair.target, target, n).is_ok() {
            beats.gap.get_or_insert(last.elapsed().as_secs_f64());
            beats.target.push(n);
        }
    }
    beats
}
