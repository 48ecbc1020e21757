//! The few queries that are not worth own code: on tables of ours on a destination, never on the path of a captured command.
//!
//! Queries name everything with its schema and are parsed with an empty search_path. Text goes in and out as bytes of the
//! server encoding.

use super::memory;
use crate::error::Failure;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::spi::{Spi, SpiResult, SpiTupleTable};

/// A parameter.
pub enum Parameter<'a> {
    BigInt(i64),
    Double(f64),
    NoDouble,
    Text(Option<&'a [u8]>),
}

impl Parameter<'_> {
    fn datum(&self) -> DatumWithOid<'_> {
        // SAFETY: a bytea and a text have the same representation; the others are what they say.
        unsafe {
            match self {
                Parameter::BigInt(value) => DatumWithOid::new(*value, pg_sys::INT8OID),
                Parameter::Double(value) => DatumWithOid::new(*value, pg_sys::FLOAT8OID),
                Parameter::NoDouble => DatumWithOid::new(None::<f64>, pg_sys::FLOAT8OID),
                Parameter::Text(value) => DatumWithOid::new(*value, pg_sys::TEXTOID),
            }
        }
    }
}

/// Runs a statement; the number of rows it returned or changed.
pub fn execute(statement: &str, parameters: &[Parameter<'_>]) -> Result<usize, Failure> {
    run(statement, parameters, |rows| Ok(rows.len()))
}

/// Runs a statement; the first column of each row, which is a bigint.
pub fn bigints(statement: &str, parameters: &[Parameter<'_>]) -> Result<Vec<i64>, Failure> {
    run(statement, parameters, |rows| {
        let mut found = Vec::new();
        for row in rows {
            found.extend(row.get::<i64>(1)?);
        }
        Ok(found)
    })
}

/// Rows whose columns are all of type text, NULL as `None`.
pub type Texts = Vec<Vec<Option<Vec<u8>>>>;

/// Runs a statement whose columns are all of type text.
pub fn texts(statement: &str, parameters: &[Parameter<'_>]) -> Result<Texts, Failure> {
    run(statement, parameters, all_texts)
}

/// The same for a query that only reads, by the snapshot of the caller's own query. The transaction gets no id, so that it works on
/// a standby, and costs none.
pub fn read_texts(query: &str, parameters: &[Parameter<'_>]) -> Result<Texts, Failure> {
    let arguments: Vec<_> = parameters.iter().map(Parameter::datum).collect();
    Spi::connect(|client| all_texts(client.select(query, None, &arguments)?))
        .map_err(|error| Failure::internal(error.to_string()))
}

fn all_texts(rows: SpiTupleTable<'_>) -> SpiResult<Texts> {
    let mut found = Vec::new();
    for row in rows {
        let mut columns = Vec::with_capacity(row.columns());
        for i in 1..=row.columns() {
            columns.push(varlena(&row, i)?);
        }
        found.push(columns);
    }
    Ok(found)
}

fn run<T>(
    statement: &str,
    parameters: &[Parameter<'_>],
    read: impl FnOnce(SpiTupleTable<'_>) -> SpiResult<T>,
) -> Result<T, Failure> {
    let arguments: Vec<_> = parameters.iter().map(Parameter::datum).collect();
    Spi::connect_mut(|client| read(client.update(statement, None, &arguments)?))
        .map_err(|error| Failure::internal(error.to_string()))
}

/// The bytes of a text column; pgrx checks that a `String` is UTF-8, which a text of this server need not be.
fn varlena(row: &pgrx::spi::SpiHeapTupleData<'_>, column: usize) -> SpiResult<Option<Vec<u8>>> {
    let value = row
        .get_datum_by_ordinal(column)?
        .value::<pgrx::AnyElement>()?;
    Ok(value.map(|value| {
        // SAFETY: the column is of type text; the bytes are copied.
        memory::copy(unsafe { pgrx::varlena_to_byte_slice(value.datum().cast_mut_ptr()) })
    }))
}
