//! What a destination keeps: `dts_ddl.apply_log` and `dts_ddl.apply_skip`, made by `dts_ddl.start_apply()`.

use super::recorded::Command;
use crate::error::Failure;
use crate::pg::catalog::spi::{self, Parameter};
use crate::pg::runtime::text;
use std::cell::Cell;

thread_local! {
    /// Rows that we write ourselves pass the trigger that keeps other servers' rows out.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// What became of a command.
pub struct Outcome<'a> {
    pub status: &'static str,
    pub role: Option<&'a str>,
    pub milliseconds: Option<f64>,
    pub failure: Option<&'a Failure>,
    pub note: Option<&'a str>,
}

impl Outcome<'_> {
    pub fn of_status(status: &'static str) -> Self {
        Outcome {
            status,
            role: None,
            milliseconds: None,
            failure: None,
            note: None,
        }
    }
}

pub fn is_writing() -> bool {
    WRITING.get()
}

/// While it lives, we write: also when an error passes through, it ends.
struct Writing;

impl Writing {
    fn begin() -> Self {
        WRITING.set(true);
        Writing
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.set(false);
    }
}

pub fn write(command: &Command, outcome: &Outcome<'_>) -> Result<(), Failure> {
    let bytes = |value: Option<&str>| value.map(|value| text::encode(value).into_owned());
    let status = text::encode(outcome.status);
    let tag = text::encode(&command.tag);
    let role = bytes(outcome.role);
    let sqlstate = outcome
        .failure
        .map(|f| text::encode(&f.sqlstate()).into_owned());
    let error = outcome
        .failure
        .map(|f| text::encode(&f.in_one_line()).into_owned());
    let note = bytes(outcome.note);
    let statement = outcome.failure.map(|_| command.statement.as_slice());
    let _writing = Writing::begin();
    spi::execute_kept(
        "INSERT INTO dts_ddl.apply_log (id, status, tag, role, finished, duration_ms, sqlstate, error, note, ddl_text)
         VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp(), $5, $6, $7, $8, $9)",
        &[
            Parameter::BigInt(command.id),
            Parameter::Text(Some(&status)),
            Parameter::Text(Some(&tag)),
            Parameter::Text(role.as_deref()),
            outcome
                .milliseconds
                .map_or(Parameter::NoDouble, Parameter::Double),
            Parameter::Text(sqlstate.as_deref()),
            Parameter::Text(error.as_deref()),
            Parameter::Text(note.as_deref()),
            Parameter::Text(statement),
        ],
    )
    .map(|_| ())
}

/// Whether the DBA wants this command left out.
pub fn is_to_be_skipped(id: i64) -> Result<bool, Failure> {
    spi::execute_kept(
        "SELECT 1 FROM dts_ddl.apply_skip s WHERE s.id OPERATOR(pg_catalog.=) $1",
        &[Parameter::BigInt(id)],
    )
    .map(|rows| rows > 0)
}

/// Two notes as one.
pub fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second),
    }
}
