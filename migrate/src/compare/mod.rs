//! Compares source and destination while both run and the stream flows, without a lock that users notice and without a
//! snapshot that is held for long.
//!
//! [`published`] finds the tables, [`table`] cuts and reads one of them, [`work`] has many read at the same time and again
//! when the [`stream`] has passed, [`look`] decides on single rows, [`reasons`] knows what may differ, [`report`] says it.

pub mod look;
pub mod published;
pub mod reasons;
pub mod report;
pub mod stream;
pub mod table;
mod work;

use crate::connection::{Server, Session};
use crate::problem::Problem;
use crate::schema::taken::{PgDump, reason};
use indicatif::{ProgressBar, ProgressStyle};
use published::{Found, TableName};
use report::{Known, Report, SchemaReport, Status, TableReport};
use std::collections::BTreeSet;
use std::time::Duration;
use stream::{Stands, Stream};

pub struct Options {
    /// Subscriptions of the destination; none: all that are enabled.
    pub subscriptions: Vec<String>,
    /// Nothing flows and nobody writes: all permanent tables of both.
    pub at_rest: bool,
    /// Only tables that match one of these (`*` for anything), by `schema.name` or by name; none: all.
    pub tables: Vec<String>,
    pub schema: bool,
    pub rows: bool,
    pub rows_per_chunk: u64,
    pub chunk_seconds: u64,
    pub jobs: usize,
    pub looks: u32,
    /// How long the stream may take to come to a position.
    pub wait: Duration,
    /// Keys of differing rows for each table.
    pub show: usize,
    pub show_rows: bool,
    pub pg_dump: String,
    /// Of the hash.
    pub seed: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            subscriptions: Vec::new(),
            at_rest: false,
            tables: Vec::new(),
            schema: true,
            rows: true,
            rows_per_chunk: 50_000,
            chunk_seconds: 10,
            jobs: 2,
            looks: 5,
            wait: Duration::from_secs(60),
            show: 10,
            show_rows: false,
            pg_dump: "pg_dump".to_owned(),
            seed: seed(),
        }
    }
}

/// Another in each run.
fn seed() -> i64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish().cast_signed()
}

/// A bar on a terminal; nothing elsewhere.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new() -> Self {
        // a bar draws on stderr, and only when that is a terminal
        let bar = ProgressBar::new(0).with_style(
            ProgressStyle::with_template(
                "{bar:30} {human_pos}/{human_len} rows, {per_sec}, {eta} left  {msg}",
            )
            .expect("a template"),
        );
        Self(bar)
    }

    pub fn none() -> Self {
        Self(ProgressBar::hidden())
    }

    /// The bar goes.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }

    fn table(&self, name: &str) {
        self.0.set_message(name.to_owned());
    }

    fn expect(&self, rows: u64) {
        self.0.inc_length(rows);
    }

    fn rows(&self, rows: u64) {
        self.0.inc(rows);
        if self.0.position() > self.0.length().unwrap_or_default() {
            self.0.set_length(self.0.position());
        }
    }

    fn again(&self, chunks: usize) {
        self.0.set_message(format!("{chunks} chunks once more"));
    }

    fn looked(&self) {
        self.0.tick();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// All of it.
pub fn compare(
    source: &Server,
    destination: &Server,
    options: &Options,
    progress: &Progress,
) -> Result<Report, Problem> {
    let mut here = source.connect()?;
    let mut there = destination.connect()?;
    let first = if options.at_rest {
        None
    } else {
        Some(published::subscribed(
            &mut here,
            &mut there,
            &options.subscriptions,
        )?)
    };
    let slots = first.map_or(Vec::new(), |found| found.slots);
    let stream = if options.at_rest {
        Stream::at_rest()
    } else {
        Stream::new(&mut here, slots, options.wait)?
    };
    let mut report = Report::default();
    if options.schema {
        let dump = PgDump::new(&options.pg_dump, [here.major(), there.major()])?;
        report.schema = Some(schemas(
            &dump,
            [source, destination],
            &mut here,
            &there,
            &stream,
            options,
        )?);
    }
    if options.rows {
        report.tables = tables(
            [source, destination],
            &mut here,
            &mut there,
            &stream,
            options,
            progress,
        )?;
    }
    Ok(report)
}

/// Until the destination has what the source has now.
fn passed(here: &mut Session, stream: &Stream) -> Result<(), Problem> {
    let failed = |error: &postgres::Error| {
        Problem::new(
            format!(
                "the stream cannot be followed: {}",
                crate::problem::words(error)
            ),
            "",
        )
    };
    let position = stream.position(here).map_err(|error| failed(&error))?;
    stream.wait(here, position).map_err(|stands| match stands {
        Stands::Failed(error) => failed(&error),
        Stands::Behind(what) => {
            Problem::new(what, "SELECT * FROM dts_ddl.stops() and the server's log on the destination; --wait with more seconds")
        }
    })
}

/// What differs is dumped again once the stream has passed; it counts when it is the same that differed before.
fn schemas(
    dump: &PgDump,
    servers: [&Server; 2],
    here: &mut Session,
    there: &Session,
    stream: &Stream,
    options: &Options,
) -> Result<SchemaReport, Problem> {
    let majors = [here.major(), there.major()];
    let mut comparison = dump.look(servers)?;
    let mut differences = comparison.differences;
    for _ in 1..options.looks.max(2) {
        if differences.is_empty() || !stream.flows() {
            break;
        }
        passed(here, stream)?;
        comparison = dump.look(servers)?;
        let again = comparison.differences;
        let stayed = again
            .iter()
            .all(|difference| differences.contains(difference));
        differences = again;
        if stayed {
            break;
        }
    }
    let mut report = SchemaReport {
        entries: comparison.source,
        differences: Vec::new(),
        known: Vec::new(),
    };
    for difference in differences {
        match reason(&difference, majors) {
            Some(reason) => report.known.push(Known {
                item: difference.item,
                reason: reason.to_owned(),
            }),
            None => report.differences.push(difference),
        }
    }
    Ok(report)
}

fn tables(
    servers: [&Server; 2],
    here: &mut Session,
    there: &mut Session,
    stream: &Stream,
    options: &Options,
    progress: &Progress,
) -> Result<Vec<TableReport>, Problem> {
    // tables that were made just now are in the stream
    passed(here, stream)?;
    let Found {
        mut compared,
        mut others,
        ..
    } = if options.at_rest {
        published::at_rest(here, there)?
    } else {
        published::subscribed(here, there, &options.subscriptions)?
    };
    compared.retain(|(table, _)| wanted(table, &options.tables));
    others.retain(|other| wanted(&other.table, &options.tables));
    if compared.is_empty() && others.is_empty() && !options.tables.is_empty() {
        return Err(Problem::new(
            format!("no table matches {}", options.tables.join(", ")),
            "give names as schema.name, with * for anything",
        ));
    }
    let mut reports = work::compare(servers, &compared, stream, options, progress)?;
    if reports
        .iter()
        .any(|report| report.status == Status::Different)
    {
        let announced = reasons::announced(here, there)?;
        for (report, (_, sent)) in reports.iter_mut().zip(&compared) {
            // of columns that are missing rows tell nothing
            if report.status != Status::Different || report.proven() == 0 {
                continue;
            }
            let announced = announced.get(&report.table).into_iter().flatten().cloned();
            let reasons: Vec<_> = announced.chain(reasons::of_publications(sent)).collect();
            if reasons::explain(report, &reasons) {
                report.status = Status::Known;
            }
            report.reasons = reasons.into_iter().map(|reason| reason.what).collect();
            report.next = Some(
                "copy it again: dts-migrate recopy, or docs/apply.md, \"Copying a table again\"; if somebody writes on the destination, stop that first".to_owned(),
            );
        }
    }
    reports.append(&mut others);
    let one_sided = |report: &TableReport| {
        [Status::OnlySource, Status::OnlyDestination].contains(&report.status)
    };
    if reports.iter().any(one_sided) && !options.at_rest {
        // DDL has gone on between the looks at the two sides: what is on both sides, or gone from both, once the stream has passed
        // was no difference
        passed(here, stream)?;
        let now = [names(here)?, names(there)?];
        reports.retain_mut(|report| {
            if !one_sided(report) {
                return true;
            }
            match now.each_ref().map(|names| names.contains(&report.table)) {
                [false, false] => false,
                [true, true] => {
                    *report = TableReport::new(&report.table, Status::Undecided)
                        .with("it was made, dropped or renamed meanwhile");
                    true
                }
                _ => true,
            }
        });
    }
    reports.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(reports)
}

fn names(session: &mut Session) -> Result<BTreeSet<TableName>, Problem> {
    let rows = session.ask(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')",
    )?;
    Ok(rows
        .iter()
        .map(|row| TableName::new(row.text(0), row.text(1)))
        .collect())
}

fn wanted(table: &TableName, patterns: &[String]) -> bool {
    let whole = format!("{}.{}", table.schema, table.name);
    patterns.is_empty()
        || patterns
            .iter()
            .any(|pattern| matches(pattern, &whole) || matches(pattern, &table.name))
}

/// `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, rest)) => text.strip_prefix(begin).is_some_and(|text| {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && matches(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let table = TableName::new("app", "orders_2026");
        for pattern in [
            "app.orders_2026",
            "orders_2026",
            "app.*",
            "*",
            "*2026",
            "app.*_*6",
            "orders*",
        ] {
            assert!(wanted(&table, &[pattern.to_owned()]), "{pattern}");
        }
        for pattern in ["orders", "app", "*.orders", "other.*", "*7"] {
            assert!(!wanted(&table, &[pattern.to_owned()]), "{pattern}");
        }
    }
}
