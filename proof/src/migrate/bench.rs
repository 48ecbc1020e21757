//! What a copy of the database takes, by each of the ways that there are, into a fresh database each time.

use super::server::{DATABASE, Pair};
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
                let mut command = Command::new(std::env::var("DTS_PGCOPYDB").expect("DTS_PGCOPYDB"));
                let programs = pair.newer("pg_dump", &pair.target);
                let bindir = Path::new(programs.get_program()).parent().expect("a directory");
                // it looks into every directory, and fails where it may not
                let path = format!("{}:/usr/bin:/bin", bindir.display());
                command
                    .args(["clone", "--table-jobs", &jobs, "--index-jobs", &jobs, "--dir"])
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
                dump.args(["-Fd", "-j", &jobs, "-f"]).arg(directory.join("dump"));
                let mut restore = pair.newer("pg_restore", &pair.target);
                restore.args(["-j", &jobs, "-d", DATABASE]).arg(directory.join("dump"));
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
            let output = step.stdin(Stdio::null()).output().map_err(|error| format!("{step:?}: {error}"))?;
            seconds.push(start.elapsed().as_secs_f64());
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                let told = text.lines().filter(|line| line.to_lowercase().contains("error"));
                return Err(told.take(6).collect::<Vec<_>>().join("\n"));
            }
        }
        Ok(seconds)
    }
}
