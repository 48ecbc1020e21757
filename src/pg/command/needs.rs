//! How a statement must be run: what it needs around it.

use crate::pg::command::eventless;
use crate::pg::command::node::{self, ParseTree, find_quietly};
use crate::pg::command::parser;
#[cfg(not(feature = "pg13"))]
use crate::pg::command::partition;
use crate::pg::runtime::list::pointers;
#[cfg(not(feature = "pg13"))]
use crate::pg::runtime::text;
use pgrx::pg_sys;
use std::ffi::CString;

/// How a statement must be run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// In a transaction block or outside of one.
    Nothing,
    /// Not in a transaction block.
    NoTransaction,
    /// It ends a DETACH PARTITION .. CONCURRENTLY that was interrupted. Elsewhere none was begun.
    #[cfg_attr(feature = "pg13", allow(dead_code, reason = "new in 14"))]
    BegunDetach,
}

impl ParseTree {
    /// How it must be run, as far as its words tell (utility.c and indexcmds.c: PreventInTransactionBlock).
    /// Any REINDEX or CLUSTER may be of something partitioned, which only the catalogs know.
    pub fn needs(self) -> Needs {
        // SAFETY: the node tag says which type each is; the commands of ALTER TABLE are AlterTableCmd nodes.
        let outside = unsafe {
            if self.is(pg_sys::NodeTag::T_IndexStmt) {
                (*(self.node() as *mut pg_sys::IndexStmt)).concurrent
            } else if self.is(pg_sys::NodeTag::T_DropStmt) {
                (*(self.node() as *mut pg_sys::DropStmt)).concurrent
            } else if self.is(pg_sys::NodeTag::T_AlterTableStmt) {
                #[cfg(feature = "pg13")]
                let concurrent = false;
                #[cfg(not(feature = "pg13"))]
                let concurrent = match partition::detach(self.node()) {
                    Some(detach) if detach.is_finalize() => return Needs::BegunDetach,
                    Some(detach) => detach.is_concurrent(),
                    None => false,
                };
                concurrent
            } else {
                self.is(pg_sys::NodeTag::T_ReindexStmt)
                    || eventless::kind(self) == Some(eventless::Kind::Cluster)
            }
        };
        if outside {
            Needs::NoTransaction
        } else {
            Needs::Nothing
        }
    }
}

/// How a statement must be run, by PostgreSQL's parser; `None` when it does not parse here. `standard_conforming_strings`
/// is the value under which it was written.
pub fn needs_of(query: &CString, standard_conforming_strings: bool) -> Option<Needs> {
    let _setting = parser::StringsAs::new(standard_conforming_strings);
    parser::if_parsed(|| {
        // SAFETY: the parser returns a list of RawStmt, which lives in the current memory context.
        unsafe {
            let statements: Vec<*mut pg_sys::RawStmt> = pointers(parser::raw_parse(query));
            let first = statements.first()?;
            Some(ParseTree::new((**first).stmt).needs())
        }
    })
}

/// Whether a statement can only be run outside of a transaction in every form, and does no more than rewrite storage: REINDEX of
/// a schema, of a database, or of something partitioned. To be asked under the command's search_path.
///
/// # Safety
/// `statement` is a valid raw parse tree.
pub(in crate::pg) unsafe fn runs_outside_transactions_only(statement: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise; the node tag says what the node is; relations that are not there have no kind.
    unsafe {
        let reindex = node::cast(statement, pg_sys::NodeTag::T_ReindexStmt);
        let Some(relation) = reindex.map(|reindex: *mut pg_sys::ReindexStmt| (*reindex).relation)
        else {
            return false;
        };
        relation.is_null()
            || matches!(
                pg_sys::get_rel_relkind(find_quietly(relation)) as u8,
                pg_sys::RELKIND_PARTITIONED_TABLE | pg_sys::RELKIND_PARTITIONED_INDEX
            )
    }
}

/// Takes CONCURRENTLY (and FINALIZE) out of a raw parse tree, so that the statement can run inside of a transaction.
///
/// # Safety
/// `statement` is a valid raw parse tree that belongs to the caller.
pub(in crate::pg) unsafe fn make_plain(statement: *mut pg_sys::Node) {
    // SAFETY: the caller's promise; the node tag says what the node is.
    unsafe {
        match (*statement).type_ {
            pg_sys::NodeTag::T_IndexStmt => {
                (*(statement as *mut pg_sys::IndexStmt)).concurrent = false;
            }
            pg_sys::NodeTag::T_DropStmt => {
                (*(statement as *mut pg_sys::DropStmt)).concurrent = false;
            }
            pg_sys::NodeTag::T_ReindexStmt => {
                let reindex = statement as *mut pg_sys::ReindexStmt;
                #[cfg(feature = "pg13")]
                {
                    (*reindex).concurrent = false;
                }
                #[cfg(not(feature = "pg13"))]
                {
                    (*reindex).params = without_concurrently((*reindex).params);
                }
            }
            pg_sys::NodeTag::T_RefreshMatViewStmt => {
                (*(statement as *mut pg_sys::RefreshMatViewStmt)).concurrent = false;
            }
            #[cfg(feature = "pg19")]
            pg_sys::NodeTag::T_RepackStmt => {
                let repack = statement as *mut pg_sys::RepackStmt;
                (*repack).params = without_concurrently((*repack).params);
            }
            #[cfg(not(feature = "pg13"))]
            pg_sys::NodeTag::T_AlterTableStmt => {
                if let Some(detach) = partition::detach(statement) {
                    detach.make_plain();
                }
            }
            _ => {}
        }
    }
}

/// # Safety
/// `options` is NIL or a list of DefElem nodes that belongs to the caller.
#[cfg(not(feature = "pg13"))]
unsafe fn without_concurrently(mut options: *mut pg_sys::List) -> *mut pg_sys::List {
    // SAFETY: the caller's promise.
    unsafe {
        for option in pointers::<pg_sys::DefElem>(options) {
            if text::bytes((*option).defname) == b"concurrently" {
                options = pg_sys::list_delete_ptr(options, option.cast());
            }
        }
    }
    options
}
