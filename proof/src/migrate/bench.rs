//! What a copy of the database takes, by each of the ways that there are, into a fresh database each time.

use super::database::{self, Size};
use super::load::{Kind, Load};
use super::server::{DATABASE, Pair};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Pgcopydb,
    Dump,
    DtsMigrate,
}

impl Way {
    pub const ALL: [Way; 3] = [Way::Pgcopydb, Way::Dump, Way::DtsMigrate];

    pub fn name(self) -> &'static str {
        match self {
            Way::Pgcopydb => "pgcopydb clone",
            Way::Dump => "pg_dump, pg_restore",
            Way::DtsMigrate => "dts-migrate start",
        }
    }

    /// Runs it; its seconds, of each of its commands.
    pub fn run(self, pair: &Pair, jobs: usize, directory: &Path) -> Result<Vec<f64>, String> {
        pair.fresh_target();
        let jobs = jobs.to_string();
        let mut steps = Vec::new();
        match self {
            Way::Pgcopydb => {
                let _ = std::fs::remove_dir_all(directory.join("pgcopydb"));
                let mut command =
                    Command::new(std::env::var("DTS_PGCOPYDB").expect("DTS_PGCOPYDB"));
                let programs = pair.newer("pg_dump", &pair.target);
                let bindir = Path::new(programs.get_program())
                    .parent()
                    .expect("a directory");
                // it looks into every directory, and fails where it may not
                let path = format!("{}:/usr/bin:/bin", bindir.display());
                command
                    .args([
                        "clone",
                        "--table-jobs",
                        &jobs,
                        "--index-jobs",
                        &jobs,
                        "--dir",
                    ])
                    .arg(directory.join("pgcopydb"))
                    .args(["--source", &pair.source.connection_string()])
                    .args(["--target", &pair.target.connection_string()])
                    .env("PATH", path)
                    .env("HOME", directory)
                    // else it makes indexes with the unqualified names that ALTER DATABASE .. SET search_path gives on the source
                    .env("PGOPTIONS", "-c search_path=pg_catalog")
                    // it ends by signalling all of its group
                    .process_group(0);
                steps.push(command);
            }
            Way::Dump => {
                let _ = std::fs::remove_dir_all(directory.join("dump"));
                let mut dump = pair.newer("pg_dump", &pair.source);
                dump.args(["-Fd", "-j", &jobs, "-f"])
                    .arg(directory.join("dump"));
                let mut restore = pair.newer("pg_restore", &pair.target);
                restore
                    .args(["-j", &jobs, "-d", DATABASE])
                    .arg(directory.join("dump"));
                let mut analyze = pair.newer("vacuumdb", &pair.target);
                analyze.args(["--analyze-only", "-q", "-j", &jobs, "-d", DATABASE]);
                steps.extend([dump, restore, analyze]);
            }
            Way::DtsMigrate => {
                let mut arguments = vec!["start", "--jobs", &jobs];
                if pair.target.major() < 16 {
                    arguments.push("--trust-source");
                }
                steps.push(pair.dts_migrate(&arguments));
            }
        }
        let mut seconds = Vec::new();
        for step in &mut steps {
            let start = Instant::now();
            let output = step
                .stdin(Stdio::null())
                .output()
                .map_err(|error| format!("{step:?}: {error}"))?;
            seconds.push(start.elapsed().as_secs_f64());
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                let told = text
                    .lines()
                    .filter(|line| line.to_lowercase().contains("error"));
                return Err(told.take(6).collect::<Vec<_>>().join("\n"));
            }
        }
        Ok(seconds)
    }
}

/// Sessions of the load while a way is measured for what its users notice.
const SESSIONS: u64 = 3;
/// Their transactions, each second.
const PER_SECOND: f64 = 6.0;

/// Each way alone, and each again while users have an ALTER TABLE now and then; how many failed.
pub fn run(size: &Size, seed: u64, jobs: usize, directory: &Path) -> usize {
    let pair = Pair::new();
    let tables = database::make(&pair.source, size, seed);
    size.make_roles(&pair.target);
    let bytes = pair.source.column(
        DATABASE,
        "SELECT pg_size_pretty(pg_database_size(current_database()))",
    );
    println!(
        "PostgreSQL {} to {}, {} in {} tables, {jobs} jobs",
        pair.source.major(),
        pair.target.major(),
        bytes[0],
        tables.len()
    );
    let mut failed = 0;
    for users in [false, true] {
        for way in Way::ALL {
            let log = File::create(directory.join("ddl.sql")).expect("a file for what succeeded");
            let load = Load::new(&pair.source, &tables, Kind::Gentle, seed, log);
            let outcome = std::thread::scope(|scope| {
                if users {
                    scope.spawn(|| load.watch());
                    for number in 0..SESSIONS {
                        let load = &load;
                        scope.spawn(move || load.session(number, PER_SECOND / SESSIONS as f64));
                    }
                }
                let outcome = way.run(&pair, jobs, directory);
                load.stop();
                outcome
            });
            // after the scope: the lock that the last one waited for has been given
            let figures = if users {
                format!("; {}", load.phase())
            } else {
                String::new()
            };
            match outcome {
                Ok(seconds) => {
                    let steps: Vec<String> = seconds
                        .iter()
                        .map(|seconds| format!("{seconds:.1}"))
                        .collect();
                    println!(
                        "{}: {:.1} s ({}){figures}",
                        way.name(),
                        seconds.iter().sum::<f64>(),
                        steps.join(" + ")
                    );
                }
                Err(problem) => {
                    println!("{} failed{figures}\n{problem}", way.name());
                    failed += usize::from(way == Way::DtsMigrate);
                }
            }
            if way == Way::DtsMigrate {
                let ended = pair
                    .dts_migrate(&["abort"])
                    .current_dir(directory)
                    .output()
                    .expect("dts-migrate");
                assert!(
                    ended.status.success(),
                    "{}",
                    String::from_utf8_lossy(&ended.stderr)
                );
            }
        }
    }
    failed
}
