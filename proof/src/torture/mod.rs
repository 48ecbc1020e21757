//! Torture: what topics have in common.

pub mod cancel;
pub mod crash;
pub mod dice;
pub mod memory;
pub mod replica;
pub mod settings;
pub mod text;
pub mod workload;

use harness::cluster::Cluster;
use harness::wire::{Lost, Wire};
use postgres::config::Host;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What one topic is asked to do.
pub struct Plan {
    pub seed: u64,
    pub end: Instant,
    /// Where its files go.
    pub directory: PathBuf,
    /// Without the extension: what happens is PostgreSQL's own.
    pub bare: bool,
}

impl Plan {
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    /// A plan for a part of the time that is left.
    pub fn part(&self, of: u32, parts: u32) -> Plan {
        let left = self.end.saturating_duration_since(Instant::now());
        Plan {
            seed: self.seed,
            end: Instant::now() + left * of / parts,
            directory: self.directory.clone(),
            bare: self.bare,
        }
    }
}

/// What a topic has seen.
#[derive(Default)]
pub struct Findings {
    facts: Mutex<Vec<String>>,
    violations: Mutex<Vec<String>>,
}

impl Findings {
    /// A figure for the report.
    pub fn fact(&self, text: impl Into<String>) {
        lock(&self.facts).push(text.into());
    }

    /// Something that must not be. Told at once, too: the run may be long.
    pub fn violation(&self, text: impl Into<String>) {
        let text = text.into();
        let mut violations = lock(&self.violations);
        if violations.len() < 20 {
            eprintln!("VIOLATION: {text}");
        }
        violations.push(text);
    }

    pub fn facts(&self) -> Vec<String> {
        lock(&self.facts).clone()
    }

    pub fn violations(&self) -> usize {
        lock(&self.violations).len()
    }

    /// More of the same would not help.
    pub fn are_enough(&self) -> bool {
        self.violations() >= 20
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the cluster's socket lies: its directory.
pub fn directory(cluster: &Cluster) -> PathBuf {
    match cluster.config("postgres").get_hosts().first() {
        Some(Host::Unix(directory)) => directory.clone(),
        _ => unreachable!("a cluster listens on a Unix socket"),
    }
}

/// A superuser's session.
pub fn connect(cluster: &Cluster, database: &str) -> Result<Wire, Lost> {
    Wire::connect(&directory(cluster), "postgres", database, &[])
}

/// As `connect`, once the server is ready for it: it may be recovering.
pub fn connect_patiently(cluster: &Cluster, database: &str) -> Wire {
    let start = Instant::now();
    loop {
        match connect(cluster, database) {
            Ok(wire) => return wire,
            Err(lost) if start.elapsed() > Duration::from_secs(60) => {
                panic!("no connection: {lost}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(30)),
        }
    }
}

/// The text of a string constant.
pub fn literal(text: &str) -> String {
    if text.contains('\\') {
        return format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// The end of a long text.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}.. ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
