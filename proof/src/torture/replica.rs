//! A second database of the same cluster that follows by `dts_ddl.script()`, and the comparison of both by pg_dump.

use super::{Findings, Plan, directory, shortened};
use dts_migrate::schema::dump;
use harness::cluster::Cluster;
use harness::wire::{Lost, Wire};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs a program against the cluster; its output and whether it succeeded.
pub fn run(
    cluster: &Cluster,
    program: &str,
    arguments: &[&str],
    input: Option<&PathBuf>,
) -> (bool, Vec<u8>, String) {
    let stdin = match input.map(std::fs::File::open) {
        Some(Ok(file)) => Stdio::from(file),
        _ => Stdio::null(),
    };
    let output = Command::new(cluster.installation.program(program))
        .args(arguments)
        .env("PGHOST", directory(cluster))
        .env("PGPORT", "5432")
        .env("PGUSER", "postgres")
        .env("LC_ALL", "C")
        .stdin(stdin)
        .output();
    match output {
        Ok(output) => (
            output.status.success(),
            output.stdout,
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ),
        Err(error) => (false, Vec::new(), error.to_string()),
    }
}

/// Runs what was captured above `after` in the other database; returns the highest id that is there now.
pub fn follow(
    cluster: &Cluster,
    plan: &Plan,
    wire: &mut Wire,
    (source, replica): (&str, &str),
    after: i64,
    findings: &Findings,
) -> Result<i64, Lost> {
    let last: i64 = wire
        .value("SELECT coalesce(max(id), 0) FROM public.dts_ddl_command")?
        .parse()
        .unwrap_or(0);
    if last <= after {
        return Ok(after);
    }
    let query = format!("SELECT dts_ddl.script(after_id => {after}, up_to_id => {last})");
    let (made, script, problem) = run(cluster, "psql", &["-XAt", "-d", source, "-c", &query], None);
    if !made {
        findings.violation(format!("dts_ddl.script({after}, {last}): {problem}"));
        return Ok(last);
    }
    let file = plan.directory.join("script.sql");
    if let Err(error) = std::fs::write(&file, script) {
        findings.violation(format!("{}: {error}", file.display()));
    }
    let (done, output, problem) = run(
        cluster,
        "psql",
        &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", replica],
        Some(&file),
    );
    if !done {
        let output = String::from_utf8_lossy(&output);
        findings.violation(format!(
            "replay of ids {after} to {last} stopped at {}: {}",
            output.lines().last().unwrap_or("its beginning"),
            shortened(&problem, 2000)
        ));
    }
    Ok(last)
}

/// What is known of an object of this name: its last rows, its indexes on both sides, and the last lines of the server's log.
fn history_of(cluster: &Cluster, databases: [&str; 2], name: &str) -> String {
    let pattern = super::literal(&format!("%{name}%"));
    let rows = format!(
        "SELECT id, tag, left(ddl_text, 300) FROM public.dts_ddl_command WHERE ddl_text LIKE {pattern} ORDER BY id DESC LIMIT 40"
    );
    let indexes = format!(
        "SELECT current_database(), indexrelid, indexrelid::regclass, indrelid::regclass, indisvalid, indisready, indislive
           FROM pg_index WHERE indexrelid::regclass::text LIKE {pattern}"
    );
    let [source, replica] = databases;
    let mut told = String::new();
    for (database, query) in [(source, &rows), (source, &indexes), (replica, &indexes)] {
        let (_, output, problem) = run(
            cluster,
            "psql",
            &["-XAt", "-d", database, "-c", query],
            None,
        );
        told += &format!("{}{problem}", String::from_utf8_lossy(&output));
    }
    let log = cluster.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(name)).collect();
    told += &lines[lines.len().saturating_sub(60)..].join("\n");
    told.lines()
        .map(|line| shortened(line, 400))
        .collect::<Vec<_>>()
        .join("\n      ")
}

/// Compares the dumps of both databases, schemas like `pattern` only; returns the number of entries.
pub fn compare(
    cluster: &Cluster,
    (source, replica): (&str, &str),
    pattern: &str,
    findings: &Findings,
) -> usize {
    let [left, right] = [source, replica].map(|database| {
        let arguments = [
            "-s",
            "-n",
            pattern,
            "--no-publications",
            "--no-subscriptions",
            "-d",
            database,
        ];
        let (done, output, problem) = run(cluster, "pg_dump", &arguments, None);
        if !done {
            findings.violation(format!("pg_dump of {database}: {problem}"));
        }
        dump::entries(&String::from_utf8_lossy(&output))
    });
    let compared = dump::compare(&left, &right);
    for difference in compared.differences.iter().take(3) {
        // `TYPE schema.name, owner: how`
        let name = difference.item.split(", ").next().unwrap_or_default();
        let name = name.rsplit(['.', ' ']).next().unwrap_or_default();
        findings.violation(format!(
            "the dumps differ: {}\n      {}\n    {}",
            difference.item,
            difference.details.join("\n      "),
            history_of(cluster, [source, replica], name)
        ));
    }
    compared.source
}
