//! The rows of the tables of two databases, as COPY writes them, without regard to their order.

use super::{Finding, Kind, line};
use postgres::{Client, Error};
use std::io::Read;

/// Tables whose rows logical replication sends: permanent ones, without the extension's own.
const TABLES: &str = "
    SELECT c.oid::regclass::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= 16384 AND n.nspname <> 'dts_ddl'
      AND c.oid <> 'public.dts_ddl_command'::regclass
    ORDER BY 1";

pub struct Comparison {
    pub tables: usize,
    pub identical_tables: usize,
    /// Rows of the source, of the destination, and those that both have.
    pub source: usize,
    pub destination: usize,
    pub identical: usize,
    pub findings: Vec<Finding>,
}

pub fn compare(source: &mut Client, destination: &mut Client) -> Result<Comparison, Error> {
    let mut comparison = Comparison {
        tables: 0,
        identical_tables: 0,
        source: 0,
        destination: 0,
        identical: 0,
        findings: Vec::new(),
    };
    for client in [&mut *source, &mut *destination] {
        client.batch_execute(
            "SET search_path TO ''; SET extra_float_digits TO 1; SET row_security TO off",
        )?;
    }
    for table in source.query(TABLES, &[])? {
        let table: &str = table.get(0);
        let here = rows(source, table)?;
        comparison.tables += 1;
        comparison.source += here.len();
        let there = match rows(destination, table) {
            Ok(there) => there,
            Err(error) if error.as_db_error().is_some() => {
                comparison.findings.push(Finding {
                    kind: Kind::Rows,
                    item: format!("{table}: not to be read on the destination"),
                    details: vec![error.to_string()],
                });
                continue;
            }
            Err(error) => return Err(error),
        };
        comparison.destination += there.len();
        let (only_here, only_there) = difference(&here, &there);
        comparison.identical += here.len() - only_here.len();
        if only_here.is_empty() && only_there.is_empty() {
            comparison.identical_tables += 1;
            continue;
        }
        let some = |sign: &str, rows: &[&String]| -> Vec<String> {
            let shown = rows.iter().take(3);
            shown
                .map(|row| format!("{sign} {}", line(row, 120)))
                .collect()
        };
        let mut details = vec![format!(
            "{} rows only on the source, {} only on the destination, of {}",
            only_here.len(),
            only_there.len(),
            here.len()
        )];
        details.extend(some("<", &only_here));
        details.extend(some(">", &only_there));
        comparison.findings.push(Finding {
            kind: Kind::Rows,
            item: table.to_owned(),
            details,
        });
    }
    Ok(comparison)
}

/// The rows of one table, sorted.
fn rows(client: &mut Client, table: &str) -> Result<Vec<String>, Error> {
    let mut bytes = Vec::new();
    let read = client
        .copy_out(&format!("COPY (SELECT * FROM ONLY {table}) TO STDOUT"))?
        .read_to_end(&mut bytes);
    if let Err(error) = read {
        eprintln!("error: rows of {table}: {error}");
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// What only one of two sorted lists has.
fn difference<'a>(here: &'a [String], there: &'a [String]) -> (Vec<&'a String>, Vec<&'a String>) {
    let (mut only_here, mut only_there) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < here.len() || j < there.len() {
        match (here.get(i), there.get(j)) {
            (Some(a), Some(b)) if a == b => {
                i += 1;
                j += 1;
            }
            (Some(a), Some(b)) if a < b => {
                only_here.push(a);
                i += 1;
            }
            (Some(a), None) => {
                only_here.push(a);
                i += 1;
            }
            (_, Some(b)) => {
                only_there.push(b);
                j += 1;
            }
            (None, None) => break,
        }
    }
    (only_here, only_there)
}
