//! Where a statement of a script may run, as far as the clauses that set a role decide it ([`super::role_clause`]).

use crate::pg::command::parser;
use crate::pg::command::role_clause::{has_any, setting_of};
use crate::pg::runtime::list::pointers;
use core::ffi::CStr;
use core::ops::Range;
use pgrx::pg_sys;
use std::ffi::CString;

/// Where a statement of a script may run: in [`crate::pg::hooks::execute`]'s place, where there is no such, the script has a
/// wall of its own, with the same gate.
pub enum Way {
    /// It names what is there, and evaluates nothing of its text: PostgreSQL runs the code of what it names as its owner.
    Outside,
    /// All others; without the parts of a CREATE FUNCTION that begin here, which another statement repeats: those that set a role,
    /// and with them all that set something.
    Inside(Vec<Range<usize>>),
}

/// By PostgreSQL's parser. What does not parse here belongs inside. `standard_conforming_strings` is the value under which it was
/// written.
pub fn way_of(query: &CString, standard_conforming_strings: bool) -> Way {
    // Only what is one statement is what it looks like.
    match parser::parsed(query, standard_conforming_strings) {
        // SAFETY: the tree of this text.
        Some(tree) => unsafe { way_of_tree(tree.node(), query, standard_conforming_strings) },
        None => Way::Inside(Vec::new()),
    }
}

/// # Safety
/// The raw parse tree of `query`.
unsafe fn way_of_tree(statement: *mut pg_sys::Node, query: &CStr, conforming: bool) -> Way {
    // SAFETY: the caller's promise.
    unsafe {
        match (*statement).type_ {
            pg_sys::NodeTag::T_RefreshMatViewStmt
            | pg_sys::NodeTag::T_ReindexStmt
            | pg_sys::NodeTag::T_DropOwnedStmt
            | pg_sys::NodeTag::T_ReassignOwnedStmt
            | pg_sys::NodeTag::T_AlterRoleSetStmt => return Way::Outside,
            #[cfg(not(feature = "pg19"))]
            pg_sys::NodeTag::T_ClusterStmt => return Way::Outside,
            #[cfg(feature = "pg19")]
            pg_sys::NodeTag::T_RepackStmt => return Way::Outside,
            pg_sys::NodeTag::T_DropStmt if (*(statement as *mut pg_sys::DropStmt)).concurrent => {
                return Way::Outside;
            }
            pg_sys::NodeTag::T_AlterFunctionStmt
                if has_any((*(statement as *mut pg_sys::AlterFunctionStmt)).actions) =>
            {
                return Way::Outside;
            }
            pg_sys::NodeTag::T_CreateFunctionStmt => {}
            _ => return Way::Inside(Vec::new()),
        }
        let create = &*(statement as *mut pg_sys::CreateFunctionStmt);
        if !has_any(create.options) {
            return Way::Inside(Vec::new());
        }
        #[cfg(feature = "pg13")]
        let has_body = false;
        #[cfg(not(feature = "pg13"))]
        let has_body = !create.sql_body.is_null();
        let text = query.to_bytes();
        let options = pointers::<pg_sys::DefElem>(create.options);
        let at = |option: *mut pg_sys::DefElem| usize::try_from((*option).location).unwrap_or(0);
        let parts = options
            .iter()
            .filter(|&&option| setting_of(option).is_some())
            .map(|&option| {
                let start = at(option);
                let next = options.iter().map(|&o| at(o)).filter(|&o| o > start).min();
                let body =
                    || statement::body_of_function(text, start, conforming).filter(|_| has_body);
                start..next.or_else(body).unwrap_or(text.len())
            });
        Way::Inside(parts.collect())
    }
}
