//! Where the text of a running statement lies.
//!
//! Usually the utility hook has seen the statement and noted text, offset and length. A statement that was already
//! running when the library was loaded (the first DDL of a session without preload) is found in one of these places:
//! the active portal (top level), the innermost error context (SPI, SQL functions), or the client's string.
//! Relied on: PlannedStmt.stmt_location/stmt_len; the texts of `_SPI_error_callback` (spi.c) and
//! `sql_exec_error_callback` (functions.c), rendered in English for the purpose.
//! Not promised: where one string holds the same statement twice in different spellings, the first of them is taken.

use crate::pg::catalog::lookup;
use crate::pg::command::node::ParseTree;
use crate::pg::command::parser::{if_parsed, raw_parse};
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::{error_context, memory, session, text};
use core::ffi::c_char;
use pgrx::pg_sys;
use std::ffi::CString;

/// A place in a string of SQL that is valid while the statement runs, or an own copy of the statement.
#[derive(Debug, Clone)]
pub enum Source {
    /// `len` 0 means up to the end of the string, as in PlannedStmt.
    Place {
        query: *const c_char,
        location: usize,
        len: usize,
    },
    /// A copy of the statement, with what surrounds it.
    Copy(Vec<u8>),
    /// Nothing is known yet.
    Unknown,
}

impl Source {
    pub fn new(query: *const c_char, location: i32, len: i32) -> Self {
        match usize::try_from(location) {
            Ok(location) if !query.is_null() => Source::Place {
                query,
                location,
                len: usize::try_from(len).unwrap_or(0),
            },
            _ => Source::Unknown,
        }
    }

    /// The command that an EXPLAIN, which this is, explains: from its first word on.
    pub fn explained(&self) -> Self {
        let conforming =
            session::setting(c"standard_conforming_strings").as_deref() != Some(b"off");
        self.bytes()
            .and_then(|bytes| statement::explained(bytes, conforming))
            .map_or(Source::Unknown, |statement| {
                Source::Copy(memory::copy(statement))
            })
    }

    /// The bytes of the statement with surrounding white space and comments; `None` when unknown.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Source::Place {
                query,
                location,
                len,
            } => {
                // SAFETY: the string outlives the statement in whose list of statements in progress this lies, and the
                // parser has made sure that location and length lie inside it.
                Some(unsafe {
                    let start = query.add(*location);
                    if *len == 0 {
                        text::bytes(start)
                    } else {
                        core::slice::from_raw_parts(start as *const u8, *len)
                    }
                })
            }
            Source::Copy(bytes) => Some(bytes),
            Source::Unknown => None,
        }
    }
}

/// Finds the text of `tree`, a statement that is about to run; also tells whether it is nested.
pub fn locate(tree: ParseTree) -> (Source, bool) {
    if let Some(source) = in_active_portal(tree) {
        return (source, false);
    }
    let context = error_context::innermost_in_english();
    let query = strip(&context, b"SQL statement \"", b"\"");
    let found = query.and_then(|query| {
        find_statement(query, tree, None).or_else(|| find_only_of_kind(query, tree))
    });
    if let Some(source) = found {
        return (source, true);
    }
    if let Some(source) = in_sql_function(&context, tree) {
        return (source, true);
    }
    // SAFETY: the client's string, NULL or valid during the statement.
    let client = unsafe { text::bytes(pg_sys::debug_query_string) };
    match find_statement(client, tree, None) {
        Some(source) => (source, !context.is_empty()),
        None => (Source::Unknown, !context.is_empty()),
    }
}

fn strip<'a>(text: &'a [u8], prefix: &[u8], suffix: &[u8]) -> Option<&'a [u8]> {
    text.strip_prefix(prefix)?.strip_suffix(suffix)
}

/// The statement as one of the active portal's: simple and extended protocol at top level.
fn in_active_portal(tree: ParseTree) -> Option<Source> {
    // SAFETY: ActivePortal is NULL or the portal being run; its statements and text live as long as it runs.
    unsafe {
        let portal = pg_sys::ActivePortal;
        if portal.is_null() {
            return None;
        }
        let statements: Vec<*mut pg_sys::PlannedStmt> = pointers((*portal).stmts);
        let only = statements.len() == 1;
        statements
            .into_iter()
            .find(|&s| {
                let utility = (*s).utilityStmt;
                !utility.is_null()
                    && (utility == tree.node() || (only && same_statement(utility, tree.node())))
            })
            .map(|s| Source::new((*portal).sourceText, (*s).stmt_location, (*s).stmt_len))
    }
}

/// A statement of a LANGUAGE sql function; its number in the body is part of the error context.
fn in_sql_function(context: &[u8], tree: ParseTree) -> Option<Source> {
    let rest = context.strip_prefix(b"SQL function \"".as_slice())?;
    let end = rest.windows(12).rposition(|w| w == b"\" statement ")?;
    let number = std::str::from_utf8(&rest[end + 12..])
        .ok()?
        .parse::<usize>()
        .ok()?;
    let name = CString::new(&rest[..end]).ok()?;
    lookup::sql_function_bodies(&name)
        .into_iter()
        .find_map(|body| find_statement(&body, tree, number.checked_sub(1)))
}

/// The first statement in `query` that parses to `tree`; `index` asks for one statement only.
fn find_statement(query: &[u8], tree: ParseTree, index: Option<usize>) -> Option<Source> {
    memory::require(query.len());
    let owned = CString::new(query).ok()?;
    // SAFETY: the parser gets a NUL-terminated string and returns a list of RawStmt.
    let (location, len) = unsafe {
        let statements: Vec<*mut pg_sys::RawStmt> = pointers(parse(&owned)?);
        statements
            .into_iter()
            .enumerate()
            .filter(|(i, _)| index.is_none_or(|wanted| wanted == *i))
            .find(|(_, raw)| same_statement((**raw).stmt, tree.node()))
            .map(|(_, raw)| ((*raw).stmt_location, (*raw).stmt_len))
    }?;
    copy(query, location, len)
}

/// The only statement in `query` of the kind of `tree`: at the end of a command, where its beginning was not seen, the tree
/// may no longer be what the parser made (PostgreSQL fills in schema names, for example).
fn find_only_of_kind(query: &[u8], tree: ParseTree) -> Option<Source> {
    memory::require(query.len());
    let owned = CString::new(query).ok()?;
    // SAFETY: the parser gets a NUL-terminated string and returns a list of RawStmt.
    let (location, len) = unsafe {
        let statements: Vec<*mut pg_sys::RawStmt> = pointers(parse(&owned)?);
        let mut same = statements
            .into_iter()
            .filter(|raw| (*(**raw).stmt).type_ == (*tree.node()).type_);
        let only = same.next().filter(|_| same.next().is_none())?;
        ((*only).stmt_location, (*only).stmt_len)
    };
    copy(query, location, len)
}

/// The bytes of a statement in `query`.
fn copy(query: &[u8], location: i32, len: i32) -> Option<Source> {
    let start = usize::try_from(location).ok()?;
    let end = match usize::try_from(len).ok()? {
        0 => query.len(),
        len => start.checked_add(len)?,
    };
    query
        .get(start..end)
        .map(|bytes| Source::Copy(memory::copy(bytes)))
}

/// The raw parser's list of statements, `None` where the text does not parse.
fn parse(query: &CString) -> Option<*mut pg_sys::List> {
    // The user has had the warnings of this text already.
    let _warned = WithoutWarning(set_escape_string_warning(false));
    if_parsed(|| Some(raw_parse(query)))
}

/// Puts the setting back.
struct WithoutWarning(bool);

impl Drop for WithoutWarning {
    fn drop(&mut self) {
        set_escape_string_warning(self.0);
    }
}

/// Switches the parser's warnings about backslashes; returns what was in force. There are none from 19 on.
fn set_escape_string_warning(_on: bool) -> bool {
    #[cfg(feature = "pg19")]
    return false;
    // SAFETY: a setting's variable, put back by the caller.
    #[cfg(not(feature = "pg19"))]
    unsafe {
        let before = pg_sys::escape_string_warning;
        pg_sys::escape_string_warning = _on;
        before
    }
}

/// Whether two statements are the same but for their place in the text.
///
/// # Safety
/// Both are valid nodes.
unsafe fn same_statement(raw: *mut pg_sys::Node, running: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise; casts follow the node tags.
    unsafe {
        if pg_sys::equal(raw.cast(), running.cast()) {
            return true;
        }
        // The query of a CREATE TABLE AS is analyzed before it runs, and SELECT INTO becomes one: compare the target.
        if (*running).type_ != pg_sys::NodeTag::T_CreateTableAsStmt {
            return false;
        }
        let target = (*(*(running as *mut pg_sys::CreateTableAsStmt)).into).rel;
        let into = match (*raw).type_ {
            pg_sys::NodeTag::T_CreateTableAsStmt => (*(raw as *mut pg_sys::CreateTableAsStmt)).into,
            pg_sys::NodeTag::T_SelectStmt => select_into(raw as *mut pg_sys::SelectStmt),
            _ => core::ptr::null_mut(),
        };
        !into.is_null() && pg_sys::equal((*into).rel.cast(), target.cast())
    }
}

/// The INTO clause of a SELECT; of a set operation it is the leftmost one's.
///
/// # Safety
/// `select` is a valid SelectStmt.
unsafe fn select_into(mut select: *mut pg_sys::SelectStmt) -> *mut pg_sys::IntoClause {
    // SAFETY: the caller's promise; larg is NULL or valid.
    unsafe {
        while !(*select).larg.is_null() && (*select).intoClause.is_null() {
            select = (*select).larg;
        }
        (*select).intoClause
    }
}
