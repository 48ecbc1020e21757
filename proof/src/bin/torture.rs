//! Torture: what `proof/torture` runs. See the modules of the topics.

#[path = "../torture/mod.rs"]
mod torture;

use std::process::ExitCode;
use std::time::{Duration, Instant};
use torture::{Findings, Plan, cancel, crash, memory, settings, text};

type Topic = (&'static str, u32, fn(&Plan, &Findings));

/// The topics, with their parts of the time.
const TOPICS: [Topic; 5] = [
    ("crash", 30, crash::run),
    ("text", 15, text::run),
    ("settings", 15, settings::run),
    ("cancel", 20, cancel::run),
    ("memory", 20, memory::run),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut seconds, mut seed, mut only, mut bare) = (240u32, None, None, false);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--seconds" => seconds = value.parse().unwrap_or_else(|_| usage()),
            "--seed" => seed = Some(value.parse().unwrap_or_else(|_| usage())),
            "--bare" => bare = value == "1",
            "--only" if TOPICS.iter().any(|(name, ..)| *name == value) => only = Some(value),
            _ => usage(),
        }
    }
    let seed = seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |now| now.as_secs() % 1_000_000)
    });
    if bare && only.as_deref() != Some("cancel") {
        usage();
    }
    let major = harness::server::server().major;
    let mut violations = 0;
    for (name, part, run) in TOPICS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let time = if only.is_some() {
            seconds
        } else {
            seconds * part / 100
        };
        let start = Instant::now();
        let plan = Plan {
            seed,
            end: start + Duration::from_secs(u64::from(time)),
            directory: std::env::temp_dir(),
            bare,
        };
        let findings = Findings::default();
        run(&plan, &findings);
        println!(
            "{name}: PostgreSQL {major}, seed {seed}, {} s, violations: {}",
            start.elapsed().as_secs(),
            findings.violations()
        );
        for fact in findings.facts() {
            println!("  {fact}");
        }
        violations += findings.violations();
    }
    if violations > 0 {
        println!("{violations} violations; again with: --seed {seed}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn usage() -> ! {
    eprintln!(
        "proof/torture [MAJOR] [--seconds N] [--seed N] [--only crash|text|settings|cancel|memory] [--bare 1]"
    );
    std::process::exit(2)
}
