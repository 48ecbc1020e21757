//! Compares a database with one that was rebuilt from what was captured in it, and prints the figures.
//! Started by `proof/fidelity`, which makes both.
//!
//! `fidelity script|live[+rows] SOURCE DESTINATION DATABASE EXPECTED`: the first two are the directories of the clusters, with
//! the dumps in `dump.sql` and `roles.sql`, and for a script `script.sql` (source) and `replay.err`, what psql said (destination).

use dts_proof::fidelity::{Finding, dump, expected::Expected, failures, rows};
use postgres::{Config, NoTls};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, source, destination, database, expected] = &arguments[..] else {
        eprintln!("start this program by proof/fidelity");
        return ExitCode::from(2);
    };
    match run(mode, source, destination, database, expected) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(
    mode: &str,
    source: &str,
    destination: &str,
    database: &str,
    expected: &str,
) -> Result<bool, Box<dyn Error>> {
    let major = std::env::var("DTS_PROOF_MAJOR")?;
    let (mode, has_rows) = match mode.strip_suffix("+rows") {
        Some(mode) => (mode, true),
        None => (mode, mode == "live"),
    };
    let mut expected = Expected::read(&read(expected)?, &major, mode)?;
    let (run, failed) = if mode == "live" {
        let skipped = std::fs::read_to_string(format!("{destination}/skipped")).unwrap_or_default();
        failures::of_log(&mut config(destination, database).connect(NoTls)?, &skipped)?
    } else {
        failures::of_script(
            &read(&format!("{source}/script.sql"))?,
            &read(&format!("{destination}/replay.err"))?,
        )
    };
    let mut findings = Vec::new();
    let mut figures = vec![format!(
        "rows replayed:        {run}, failed: {}",
        failed.len()
    )];
    findings.extend(failed);
    let entries = dump::compare(&entries(source)?, &entries(destination)?);
    figures.push(format!(
        "objects identical:    {}/{} of the source's, {}/{} of the destination's",
        entries.identical, entries.source, entries.identical, entries.destination
    ));
    findings.extend(entries.differences.into_iter().map(Finding::from));
    if has_rows {
        let tables = rows::compare(config(source, database), config(destination, database))?;
        figures.push(format!(
            "tables with same rows: {}/{}; rows identical: {}/{} of the source's, {}/{} of the destination's",
            tables.identical_tables,
            tables.tables,
            tables.identical,
            tables.source,
            tables.identical,
            tables.destination
        ));
        findings.extend(tables.findings);
    }
    let unexpected = print(&findings, &mut expected);
    for figure in figures {
        println!("{figure}");
    }
    println!(
        "findings:             {}, of which {} are expected, for the reasons given",
        findings.len(),
        findings.len() - unexpected
    );
    Ok(unexpected == 0)
}

/// The dumps of a database and of the roles.
fn entries(cluster: &str) -> Result<dump::Entries, Box<dyn Error>> {
    let mut entries = dump::entries(&read(&format!("{cluster}/dump.sql"))?);
    entries.extend(dump::roles(&read(&format!("{cluster}/roles.sql"))?));
    Ok(entries)
}

/// Prints what was found, the expected ones shortly; the number of others.
fn print(findings: &[Finding], expected: &mut Expected) -> usize {
    let mut unexpected = 0;
    for finding in findings {
        let (kind, item) = (finding.kind.name(), &finding.item);
        match expected.reason(finding) {
            Some(reason) => println!("expected: {kind}\t{item}\t({reason})"),
            None => {
                unexpected += 1;
                println!("{kind}\t{item}");
                for detail in finding.details.iter().take(20) {
                    println!("    {detail}");
                }
            }
        }
    }
    for line in expected.stale() {
        println!("not needed in this run: {line}");
    }
    unexpected
}

/// Names may be in any encoding.
fn read(path: &str) -> Result<String, Box<dyn Error>> {
    let bytes = std::fs::read(Path::new(path)).map_err(|error| format!("{path}: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn config(cluster: &str, database: &str) -> Config {
    let mut config = Config::new();
    config.host(cluster).port(5432);
    config.user("postgres").dbname(database);
    config
}
