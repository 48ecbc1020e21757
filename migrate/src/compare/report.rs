//! What came of it: for each table, and for the exit status.

use super::published::TableName;
use crate::schema::dump::Difference;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Same,
    /// Rows differ, for no known reason.
    Different,
    /// Rows differ, and there is a reason why they may.
    Known,
    /// Rows were not the same, but changed whenever they were looked at.
    Undecided,
    /// Not compared: its first copy is not finished.
    Copying,
    OnlySource,
    OnlyDestination,
    /// Could not be compared.
    Failed,
}

impl Status {
    pub fn words(self) -> &'static str {
        match self {
            Status::Same => "same",
            Status::Different => "different",
            Status::Known => "different for a known reason",
            Status::Undecided => "undecided",
            Status::Copying => "not compared",
            Status::OnlySource => "only on the source",
            Status::OnlyDestination => "only on the destination",
            Status::Failed => "could not be compared",
        }
    }
}

/// How one row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Both sides have a row with this key.
    Differs,
    /// The destination has none, or fewer.
    Missing,
    /// The source has none, or fewer.
    Extra,
}

/// A row that is proven to differ.
#[derive(Clone, Debug, Serialize)]
pub struct RowReport {
    pub how: How,
    /// `(id) = (5)`; of a table without a key the hash of the row.
    pub key: String,
    /// The whole row, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_row: Option<String>,
}

/// How a table was cut.
pub const KEY: &str = "key";
pub const BUCKETS: &str = "buckets";

#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    pub table: TableName,
    pub status: Status,
    /// Rows that were read on each side.
    pub source_rows: u64,
    pub destination_rows: u64,
    pub differ: u64,
    pub missing: u64,
    pub extra: u64,
    /// There may be more: enough had been found.
    pub at_least: bool,
    /// Rows, or chunks, of which nothing could be said.
    pub undecided: u64,
    /// [`KEY`], [`BUCKETS`] or `none`
    pub method: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// More about the status.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowReport>,
}

impl TableReport {
    pub fn new(table: &TableName, status: Status) -> Self {
        Self {
            table: table.clone(),
            status,
            source_rows: 0,
            destination_rows: 0,
            differ: 0,
            missing: 0,
            extra: 0,
            at_least: false,
            undecided: 0,
            method: "none",
            reasons: Vec::new(),
            notes: Vec::new(),
            next: None,
            rows: Vec::new(),
        }
    }

    pub fn with(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Rows that are proven to differ.
    pub fn proven(&self) -> u64 {
        self.differ + self.missing + self.extra
    }

    /// For a reader.
    pub fn lines(&self) -> Vec<String> {
        let mut head = format!("{}: {}", self.table.identity(), self.status.words());
        if self.status == Status::Same {
            return vec![format!("{head}, {} rows", grouped(self.source_rows))];
        }
        if self.proven() > 0 {
            let least = if self.at_least { "at least " } else { "" };
            let parts = [
                (self.differ, "differ"),
                (self.missing, "missing on the destination"),
                (self.extra, "only on the destination"),
            ];
            let parts: Vec<String> = parts
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{} {what}", grouped(*count)))
                .collect();
            head += &format!(
                ": {least}{} (rows: {} on the source, {} on the destination)",
                parts.join(", "),
                grouped(self.source_rows),
                grouped(self.destination_rows)
            );
        }
        let mut lines = vec![head];
        for note in self.notes.iter().chain(&self.reasons) {
            lines.push(format!("  {note}"));
        }
        for row in &self.rows {
            // the hash of a row without a key is another in each run
            if self.method == BUCKETS && row.source_row.is_none() && row.destination_row.is_none() {
                continue;
            }
            let how = match row.how {
                How::Differs => "differs",
                How::Missing => "missing on the destination",
                How::Extra => "only on the destination",
            };
            lines.push(format!("  {}: {how}", row.key));
            for (side, text) in [
                ("source", &row.source_row),
                ("destination", &row.destination_row),
            ] {
                lines.extend(text.iter().map(|text| format!("    {side}: {text}")));
            }
        }
        lines.extend(self.next.iter().map(|next| format!("  next: {next}")));
        lines
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct SchemaReport {
    pub entries: usize,
    /// For no known reason.
    pub differences: Vec<Difference>,
    pub known: Vec<Known>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Known {
    pub item: String,
    pub reason: String,
}

#[derive(Default)]
pub struct Report {
    pub schema: Option<SchemaReport>,
    pub tables: Vec<TableReport>,
}

/// Exit statuses.
pub const SAME: u8 = 0;
pub const DIFFERENT: u8 = 1;
pub const FAILED: u8 = 2;
pub const KNOWN: u8 = 3;

impl Report {
    /// A difference that is proven counts more than what could not be compared, and that more than what is known.
    pub fn exit_status(&self) -> u8 {
        let has = |statuses: &[Status]| {
            self.tables
                .iter()
                .any(|table| statuses.contains(&table.status))
        };
        let schema = |found: fn(&SchemaReport) -> bool| self.schema.as_ref().is_some_and(found);
        if has(&[
            Status::Different,
            Status::OnlySource,
            Status::OnlyDestination,
        ]) || schema(|schema| !schema.differences.is_empty())
        {
            DIFFERENT
        } else if has(&[Status::Failed]) {
            FAILED
        } else if has(&[Status::Known, Status::Undecided, Status::Copying])
            || schema(|schema| !schema.known.is_empty())
        {
            KNOWN
        } else {
            SAME
        }
    }

    /// One object on each line.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let mut lines = Vec::new();
        if let Some(schema) = &self.schema {
            lines.push(serde_json::json!({ "schema": schema }).to_string());
        }
        for table in &self.tables {
            lines.push(serde_json::to_string(table)?);
        }
        Ok(lines.join("\n"))
    }

    /// For a reader: what is not the same, then the sums. All tables with `verbose`.
    pub fn text(&self, verbose: bool) -> String {
        let mut lines = Vec::new();
        if let Some(schema) = &self.schema {
            for known in &schema.known {
                lines.push(format!("schema: {}\n  {}", known.item, known.reason));
            }
            for difference in &schema.differences {
                lines.push(format!("schema: {}", difference.item));
                lines.extend(difference.details.iter().map(|line| format!("  {line}")));
            }
        }
        for table in self
            .tables
            .iter()
            .filter(|table| verbose || table.status != Status::Same)
        {
            lines.extend(table.lines());
        }
        if let Some(schema) = &self.schema {
            lines.push(format!(
                "schema: {} entries, {} differ{}",
                grouped(schema.entries as u64),
                schema.differences.len() + schema.known.len(),
                if schema.known.is_empty() {
                    String::new()
                } else {
                    format!(", {} of them for a known reason", schema.known.len())
                }
            ));
        }
        if !self.tables.is_empty() || self.schema.is_none() {
            let mut counts: Vec<(Status, usize)> = Vec::new();
            for table in &self.tables {
                match counts
                    .iter_mut()
                    .find(|(status, _)| *status == table.status)
                {
                    Some((_, count)) => *count += 1,
                    None => counts.push((table.status, 1)),
                }
            }
            let counts: Vec<String> = counts
                .iter()
                .map(|(status, count)| format!("{count} {}", status.words()))
                .collect();
            lines.push(format!(
                "tables: {} ({}), {} rows",
                self.tables.len(),
                counts.join(", "),
                grouped(self.tables.iter().map(|table| table.source_rows).sum())
            ));
        }
        lines.join("\n")
    }
}

/// `1,234,567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
