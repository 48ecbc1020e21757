//! The rows of the tables of two databases at rest, by the comparison of `migrate/`.

use super::{Finding, Kind, line};
use dts_migrate::compare::report::{How, Status, TableReport};
use dts_migrate::compare::{self, Options, Progress};
use dts_migrate::connection::{Server, Side};
use dts_migrate::problem::Problem;
use postgres::Config;

pub struct Comparison {
    pub tables: usize,
    pub identical_tables: usize,
    /// Rows of the source, of the destination, and those that both have.
    pub source: u64,
    pub destination: u64,
    pub identical: u64,
    pub findings: Vec<Finding>,
}

/// Of all permanent tables of the source, without the extension's own.
pub fn compare(source: Config, destination: Config) -> Result<Comparison, Problem> {
    let options = Options {
        at_rest: true,
        schema: false,
        show: 6,
        show_rows: true,
        chunk_seconds: 600,
        ..Options::default()
    };
    let [source, destination] = [
        Server::of(Side::Source, source),
        Server::of(Side::Destination, destination),
    ];
    let report = compare::compare(&source, &destination, &options, &Progress::none())?;
    // what only the destination has, its dump tells
    let tables = report.tables.iter();
    let tables: Vec<&TableReport> = tables
        .filter(|table| table.status != Status::OnlyDestination)
        .collect();
    let sum = |count: fn(&TableReport) -> u64| tables.iter().map(|table| count(table)).sum();
    Ok(Comparison {
        tables: tables.len(),
        identical_tables: tables
            .iter()
            .filter(|table| table.status == Status::Same)
            .count(),
        source: sum(|table| table.source_rows),
        destination: sum(|table| table.destination_rows),
        identical: sum(|table| {
            table
                .source_rows
                .saturating_sub(table.differ + table.missing)
        }),
        findings: tables.iter().filter_map(|table| finding(table)).collect(),
    })
}

fn finding(table: &TableReport) -> Option<Finding> {
    let name = table.table.identity();
    let item = match table.status {
        Status::Same => return None,
        Status::Different | Status::Known => name,
        Status::OnlySource => format!("{name}: not to be read on the destination"),
        other => format!("{name}: {}", other.words()),
    };
    let mut details = vec![format!(
        "{} rows only on the source, {} only on the destination, {} with other values, of {}",
        table.missing, table.extra, table.differ, table.source_rows
    )];
    details.extend(table.notes.iter().chain(&table.reasons).cloned());
    for row in &table.rows {
        let some = |sign: &str, text: &Option<String>| {
            text.as_ref()
                .map(|text| format!("{sign} {}", line(text, 120)))
        };
        details.extend(some("<", &row.source_row).filter(|_| row.how != How::Extra));
        details.extend(some(">", &row.destination_row).filter(|_| row.how != How::Missing));
    }
    Some(Finding {
        kind: Kind::Rows,
        item,
        details,
    })
}
