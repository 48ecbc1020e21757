//! The few queries that are not worth own code: on tables of ours and on catalogs, for apply and read, never on the
//! path of a captured command.
//!
//! Whatever the caller's search_path is, they are parsed under one that has pg_catalog alone, so that no operator or function
//! of anybody is found; and once PostgreSQL has found what they name, each relation must be a catalog or the extension's own,
//! or the query does not run. (The owner of a database may put a view where the capture table was: he owns schema public.) Text
//! goes in and out as bytes of the server encoding.
//! Relied on: the hook after the analysis of a query is called for each query of SPI, before it is rewritten and planned
//! (analyze.c).

use crate::pg::catalog::lookup::{self, Address};
use crate::pg::catalog::own;
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::text;
use crate::pg::runtime::{list, memory, setting};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;
use pgrx::spi::{Spi, SpiResult, SpiTupleTable};
use std::cell::Cell;

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
    with_own_names(|| {
        Spi::connect(|client| all_texts(client.select(query, None, &arguments)?))
            .map_err(|error| Failure::internal(error.to_string()))
    })
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
    with_own_names(|| {
        Spi::connect_mut(|client| read(client.update(statement, None, &arguments)?))
            .map_err(|error| Failure::internal(error.to_string()))
    })
}

static mut PREVIOUS_HOOK: pg_sys::post_parse_analyze_hook_type = None;

thread_local! {
    /// The next query that is analyzed is one of ours.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f`, whose first query is one of ours.
fn with_own_names<T>(f: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a process has one thread; the previous hook is kept and called.
        unsafe {
            PREVIOUS_HOOK = pg_sys::post_parse_analyze_hook;
            pg_sys::post_parse_analyze_hook = Some(analyzed);
        }
    });
    /// Also after an error, the mark is gone.
    struct Ours;
    impl Drop for Ours {
        fn drop(&mut self) {
            IS_OURS.set(false);
        }
    }
    setting::under_own_path(|| {
        IS_OURS.set(true);
        let _ours = Ours;
        f()
    })
}

#[cfg(feature = "pg13")]
type Jumble = ();
#[cfg(any(
    feature = "pg14",
    feature = "pg15",
    feature = "pg16",
    feature = "pg17",
    feature = "pg18"
))]
type Jumble = *mut pg_sys::JumbleState;
#[cfg(feature = "pg19")]
type Jumble = *const pg_sys::JumbleState;

#[cfg(feature = "pg13")]
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn analyzed(state: *mut pg_sys::ParseState, query: *mut pg_sys::Query) {
    // SAFETY: as PostgreSQL passes them.
    unsafe { look_at(state, query, ()) }
}

#[cfg(not(feature = "pg13"))]
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn analyzed(
    state: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jumble: Jumble,
) {
    // SAFETY: as PostgreSQL passes them.
    unsafe { look_at(state, query, jumble) }
}

/// # Safety
/// What PostgreSQL passes to the hook.
#[cfg_attr(
    feature = "pg13",
    allow(unused_variables, reason = "13 has no such argument")
)]
unsafe fn look_at(state: *mut pg_sys::ParseState, query: *mut pg_sys::Query, jumble: Jumble) {
    // SAFETY: the caller's promise; the previous hook was valid when it was saved; the lists are fresh.
    unsafe {
        if IS_OURS.replace(false) {
            let (mut relations, mut items, mut row_security) =
                (core::ptr::null_mut(), core::ptr::null_mut(), false);
            pg_sys::extract_query_dependencies(
                query.cast(),
                &mut relations,
                &mut items,
                &mut row_security,
            );
            for relation in list::oids(relations) {
                if relation.to_u32() >= pg_sys::FirstNormalObjectId
                    && !Address::relation(relation).is_member_of(own::EXTENSION)
                {
                    let name = lookup::qualified_relation_name(relation).unwrap_or_default();
                    Failure::not_own_relation(&name).raise();
                }
            }
        }
        if let Some(previous) = PREVIOUS_HOOK {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| {
                previous(
                    state,
                    query,
                    #[cfg(not(feature = "pg13"))]
                    jumble,
                );
            });
        }
    }
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

/// The relation of a name as [`lookup::qualified_relation_name`] gives it; `None` when there is none.
pub fn relation_by_identity(identity: &str) -> Result<Option<pg_sys::Oid>, Failure> {
    let found = bigints(
        "SELECT pg_catalog.to_regclass($1)::oid::bigint",
        &[Parameter::Text(Some(&text::encode(identity)))],
    )?;
    Ok(found.first().map(|&oid| pg_sys::Oid::from(oid as u32)))
}

/// The number in a column of type text; `None` where there is none.
pub fn number<T: core::str::FromStr>(row: &[Option<Vec<u8>>], column: usize) -> Option<T> {
    text::decode(row.get(column)?.as_deref()?).parse().ok()
}

/// An OID that a query has given as bigint.
pub fn oid(value: i64) -> lookup::Oid {
    lookup::Oid::from(value as u32)
}
