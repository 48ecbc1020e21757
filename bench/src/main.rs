//! What capturing costs, as ratios: started by `bench/run`, which has a server with the extension ready.
//!
//! Each variant is a database of its own with one session. The variants take turns with every single command or round, in
//! another order each time, so that whatever else the machine does hits all of them alike; the ratios are those of medians,
//! and their spread that of ten equal parts of the run.

mod many;
mod measure;
mod migration;
mod plot;
mod variants;
mod workloads;

use measure::Table;
use std::path::Path;
use std::sync::atomic::Ordering;
use variants::Bench;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut scale = 1.0;
    let mut only = None;
    let mut output = ".".to_owned();
    let mut peers = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--scale" => scale = rest.next().and_then(|v| v.parse().ok()).unwrap_or(1.0),
            "--only" => only = rest.next().cloned(),
            "--output" => output = rest.next().cloned().unwrap_or(output),
            "--peers" => peers = true,
            "--processor" => workloads::PROCESSOR.store(true, Ordering::Relaxed),
            other => {
                eprintln!("unknown argument {other}");
                std::process::exit(2)
            }
        }
    }
    let bench = Bench::new(scale, peers);
    println!("{}\n", bench.description());
    if workloads::PROCESSOR.load(Ordering::Relaxed) {
        println!("Times are those of the processor where one session is measured.\n");
    }
    let mut tables: Vec<Table> = Vec::new();
    for (name, workload) in workloads::ALL {
        if only.as_ref().is_none_or(|only| only == name) {
            for table in workload(&bench) {
                println!("{table}");
                tables.push(table);
            }
        }
    }
    let (text, picture) = (
        Path::new(&output).join("results.md"),
        Path::new(&output).join("results.svg"),
    );
    let report: Vec<String> = tables.iter().map(ToString::to_string).collect();
    std::fs::write(text, bench.description() + "\n\n" + &report.join("\n")).expect("results.md");
    plot::bars(&picture, &tables).expect("results.svg");
}
