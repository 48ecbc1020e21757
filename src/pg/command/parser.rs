//! PostgreSQL's raw parser: texts as trees.

use crate::pg::command::node::ParseTree;
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text;
use pgrx::pg_sys;
use pgrx::prelude::PgSqlErrorCode;
use std::ffi::CString;

/// PostgreSQL's raw parser: a list of RawStmt. Raises the parser's error.
pub(in crate::pg) fn raw_parse(query: &CString) -> *mut pg_sys::List {
    // SAFETY: a NUL-terminated string that outlives the call.
    unsafe {
        #[cfg(feature = "pg13")]
        return pg_sys::raw_parser(query.as_ptr());
        #[cfg(not(feature = "pg13"))]
        return pg_sys::raw_parser(query.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
    }
}

/// What `parse` finds with [`raw_parse`]; `None` where the text does not parse. That there is no memory is an error.
pub(in crate::pg) fn if_parsed<T>(parse: impl FnOnce() -> Option<T>) -> Option<T> {
    pgrx::PgTryBuilder::new(std::panic::AssertUnwindSafe(parse))
        .catch_when(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, |cause| {
            cause.rethrow()
        })
        .catch_others(|_| None)
        .execute()
}

/// The command tags of all statements in a text; raises the parser's error where there is one.
pub fn statement_tags(query: &CString) -> Vec<String> {
    // SAFETY: the parser returns a list of RawStmt; CreateCommandTag takes raw statements.
    unsafe {
        let statements: Vec<*mut pg_sys::RawStmt> = pointers(raw_parse(query));
        statements
            .into_iter()
            .map(|raw| ParseTree::new((*raw).stmt).command_tag().to_owned())
            .collect()
    }
}

/// Whether PostgreSQL has a command of this tag.
pub fn is_command_tag(tag: &str) -> bool {
    let tag = text::c_string(tag);
    // SAFETY: compares a string with those of a table.
    unsafe { pg_sys::GetCommandTagEnum(tag.as_ptr()) != pg_sys::CommandTag::CMDTAG_UNKNOWN }
}

/// A text that is one statement, read in this way; the tree lives in the current memory context. Of what the parser has to say of
/// it (a name that is too long, a backslash) the user has been told already.
pub(in crate::pg) fn parsed(
    query: &CString,
    standard_conforming_strings: bool,
) -> Option<ParseTree> {
    let _setting = StringsAs::new(standard_conforming_strings);
    let _quiet = Quiet::new();
    if_parsed(|| {
        // SAFETY: the parser returns a list of RawStmt.
        unsafe {
            match pointers::<pg_sys::RawStmt>(raw_parse(query))[..] {
                [statement] => Some(ParseTree::new((*statement).stmt)),
                _ => None,
            }
        }
    })
}

/// Whether a text is one statement, read in this way.
pub fn is_one_statement(query: &CString, standard_conforming_strings: bool) -> bool {
    parsed(query, standard_conforming_strings).is_some()
}

/// Nothing below an error is told as long as the value lives. (From 19 on the server log is told as before.)
struct Quiet {
    client: i32,
    log: i32,
}

impl Quiet {
    fn new() -> Self {
        const ERROR: i32 = pgrx::PgLogLevel::ERROR as i32;
        // SAFETY: settings' variables; only the parser runs until they are put back on drop, also by an unwinding error.
        unsafe {
            let before = Quiet {
                client: pg_sys::client_min_messages,
                #[cfg(feature = "pg19")]
                log: 0,
                #[cfg(not(feature = "pg19"))]
                log: pg_sys::log_min_messages,
            };
            pg_sys::client_min_messages = ERROR;
            #[cfg(not(feature = "pg19"))]
            {
                pg_sys::log_min_messages = ERROR;
            }
            before
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe {
            pg_sys::client_min_messages = self.client;
            #[cfg(feature = "pg19")]
            let _ = self.log;
            #[cfg(not(feature = "pg19"))]
            {
                pg_sys::log_min_messages = self.log;
            }
        }
    }
}

/// The parser reads string constants in this way as long as the value lives.
pub(in crate::pg) struct StringsAs {
    before: bool,
}

impl StringsAs {
    pub(in crate::pg) fn new(conforming: bool) -> Self {
        // As of 19 there is only one way.
        #[cfg(feature = "pg19")]
        let before = conforming;
        // SAFETY: a setting's variable; only the parser runs until it is put back on drop, also by an unwinding error.
        #[cfg(not(feature = "pg19"))]
        let before = unsafe {
            let before = pg_sys::standard_conforming_strings;
            pg_sys::standard_conforming_strings = conforming;
            before
        };
        StringsAs { before }
    }
}

impl Drop for StringsAs {
    fn drop(&mut self) {
        #[cfg(feature = "pg19")]
        let _ = self.before;
        // SAFETY: as above.
        #[cfg(not(feature = "pg19"))]
        unsafe {
            pg_sys::standard_conforming_strings = self.before;
        }
    }
}
