//! The few queries that are not worth own code: on tables of ours and on catalogs, for apply and read, never on the
//! path of a captured command.
//!
//! Whatever the caller's search_path is, they are parsed under one that has pg_catalog alone, so that no operator or function
//! of anybody is found; and once PostgreSQL has found what they name, each relation must be a catalog or the extension's own,
//! or the query does not run. (The owner of a database may put a view where the capture table was: he owns schema public.) Text
//! goes in and out as bytes of the server encoding.
//! Relied on: the hook after the analysis of a query is called for each query of SPI, before it is rewritten and planned
//! (analyze.c), and again for a kept one where what it names may mean something else by now: another search_path, a change of a
//! relation, or of the role where row security is at work. Rights are asked for each time (plancache.c, execMain.c).

use crate::pg::catalog::lookup::{self, Address};
use crate::pg::catalog::own;
use crate::pg::runtime::failure::Failure;
use crate::pg::runtime::text;
use crate::pg::runtime::{list, memory, setting};
use core::ffi::{CStr, c_char};
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, PgOid};
use pgrx::spi::{OwnedPreparedStatement, Spi, SpiClient, SpiError, SpiResult, SpiTupleTable};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

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

/// The same for a statement that is run again and again: its plan is kept as long as the process lives.
pub fn execute_kept(
    statement: &'static str,
    parameters: &[Parameter<'_>],
) -> Result<usize, Failure> {
    let arguments: Vec<_> = parameters.iter().map(Parameter::datum).collect();
    with_own_names(statement, || {
        Spi::connect_mut(|client| {
            let plan = kept(client, statement, &arguments)?;
            Ok(client.update(plan, None, &arguments)?.len())
        })
        .map_err(|error: SpiError| Failure::internal(error.to_string()))
    })
}

/// The plan of a statement, made with its first call.
fn kept(
    client: &SpiClient<'_>,
    statement: &'static str,
    arguments: &[DatumWithOid<'_>],
) -> SpiResult<&'static OwnedPreparedStatement> {
    thread_local! {
        static KEPT: RefCell<HashMap<&'static str, &'static OwnedPreparedStatement>> = RefCell::default();
    }
    if let Some(plan) = KEPT.with_borrow(|kept| kept.get(statement).copied()) {
        return Ok(plan);
    }
    let types: Vec<PgOid> = arguments
        .iter()
        .map(|argument| argument.oid().into())
        .collect();
    let plan = client.prepare_mut(statement, &types)?.keep();
    // Never freed: when the process ends there may be no memory of PostgreSQL's left to free.
    let plan: &OwnedPreparedStatement = Box::leak(Box::new(plan));
    KEPT.with_borrow_mut(|kept| kept.insert(statement, plan));
    Ok(plan)
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
    with_own_names(query, || {
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
    with_own_names(statement, || {
        Spi::connect_mut(|client| read(client.update(statement, None, &arguments)?))
            .map_err(|error| Failure::internal(error.to_string()))
    })
}

static mut PREVIOUS_HOOK: pg_sys::post_parse_analyze_hook_type = None;

thread_local! {
    /// The statement of ours that runs; it outlives the mark.
    static OURS: Cell<Option<*const str>> = const { Cell::new(None) };
}

/// Runs `f`, which runs this statement of ours.
fn with_own_names<T>(
    statement: &str,
    f: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a process has one thread; the previous hook is kept and called.
        unsafe {
            PREVIOUS_HOOK = pg_sys::post_parse_analyze_hook;
            pg_sys::post_parse_analyze_hook = Some(analyzed);
        }
    });
    /// Also after an error, the mark is what it was.
    struct Ours(Option<*const str>);
    impl Drop for Ours {
        fn drop(&mut self) {
            OURS.set(self.0);
        }
    }
    setting::under_own_path(|| {
        let _ours = Ours(OURS.replace(Some(statement)));
        f()
    })
}

/// Whether a text that is analyzed is that of the statement of ours that runs: a kept one need not be analyzed, and what it sets
/// off may be somebody's.
///
/// # Safety
/// A NUL-terminated text or NULL.
unsafe fn is_ours(source: *const c_char) -> bool {
    // SAFETY: the caller's promise; the statement lives as long as the mark.
    OURS.get().is_some_and(|ours| unsafe {
        !source.is_null() && (*ours).as_bytes() == CStr::from_ptr(source).to_bytes()
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
        if is_ours((*state).p_sourcetext) {
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

/// The number in a column of type text; `None` where there is none.
pub fn number<T: core::str::FromStr>(row: &[Option<Vec<u8>>], column: usize) -> Option<T> {
    text::decode(row.get(column)?.as_deref()?).parse().ok()
}

/// An OID that a query has given as bigint.
pub fn oid(value: i64) -> lookup::Oid {
    lookup::Oid::from(value as u32)
}
