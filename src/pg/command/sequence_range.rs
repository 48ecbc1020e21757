//! Statements that narrow the values of a sequence: ALTER SEQUENCE and ALTER TABLE .. ALTER .. SET with MINVALUE,
//! MAXVALUE or AS.
//!
//! PostgreSQL refuses one that leaves the current value outside (sequence.c: init_params). Values are not replicated,
//! so that the value here is not that of another server.

use crate::pg::command::node::{self, ParseTree};
use crate::pg::command::parser;
use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text;
use crate::pg::store::sequence;
use pgrx::pg_sys;
use std::ffi::CString;

/// Options of a sequence by which its value may come to lie outside.
const NARROWING: [&[u8]; 3] = [b"minvalue", b"maxvalue", b"as"];

/// Where the first such option of a sequence begins, and the column whose sequence it is, if it is one.
struct Narrowed {
    start: usize,
    column: Option<*mut core::ffi::c_char>,
}

/// Whether the statement does so, and does not set the value itself.
pub fn is_in(tree: ParseTree) -> bool {
    // SAFETY: a parse tree is valid while its command runs.
    unsafe { !narrowed(tree.node()).is_empty() }
}

/// Where the first such option of each sequence begins, and the value of the sequence, now that the statement about
/// this sequence or table has run. Whose rights the command has does not matter: who may alter a sequence may set it.
pub fn values(
    query: &CString,
    standard_conforming_strings: bool,
    relation: pg_sys::Oid,
) -> Vec<(usize, i64)> {
    let Some(tree) = parser::parsed(query, standard_conforming_strings) else {
        return Vec::new();
    };
    // SAFETY: parsed just now.
    unsafe { narrowed(tree.node()) }
        .into_iter()
        .filter_map(|narrowed| {
            let sequence = match narrowed.column {
                None => relation,
                // SAFETY: the running command has locked the table; the name ends with NUL.
                Some(column) => unsafe {
                    identity_sequence(relation, pg_sys::get_attnum(relation, column))?
                },
            };
            let value = sequence::last_value(sequence).ok()?;
            Some((narrowed.start, value))
        })
        .collect()
}

/// # Safety
/// `statement` is NULL or a valid raw parse tree.
unsafe fn narrowed(statement: *mut pg_sys::Node) -> Vec<Narrowed> {
    if statement.is_null() {
        return Vec::new();
    }
    // SAFETY: the node tag says which type it is; the options of an identity column are a list (gram.y:
    // alter_table_cmd).
    unsafe {
        if (*statement).type_ == pg_sys::NodeTag::T_AlterSeqStmt {
            let alter = &*(statement as *mut pg_sys::AlterSeqStmt);
            return narrows(alter.options)
                .map(|start| Narrowed {
                    start,
                    column: None,
                })
                .into_iter()
                .collect();
        }
        node::alter_table_commands(statement)
            .into_iter()
            .filter(|&command| (*command).subtype == pg_sys::AlterTableType::AT_SetIdentity)
            .filter_map(|command| {
                Some(Narrowed {
                    start: narrows((*command).def.cast())?,
                    column: Some((*command).name),
                })
            })
            .collect()
    }
}

/// # Safety
/// NIL or a list of DefElem nodes.
unsafe fn narrows(options: *mut pg_sys::List) -> Option<usize> {
    // SAFETY: the caller's promise; each option has a name.
    unsafe {
        let options = pointers::<pg_sys::DefElem>(options);
        let name = |option: *mut pg_sys::DefElem| text::bytes((*option).defname);
        if options.iter().any(|&option| name(option) == b"restart") {
            return None;
        }
        options
            .iter()
            .filter(|&&option| NARROWING.contains(&name(option)))
            .filter_map(|&option| usize::try_from((*option).location).ok())
            .min()
    }
}

/// # Safety
/// A table that the running command has locked.
unsafe fn identity_sequence(table: pg_sys::Oid, column: pg_sys::AttrNumber) -> Option<pg_sys::Oid> {
    // SAFETY: the caller's promise; what is opened is closed, and the lock stays.
    let sequence = unsafe {
        #[cfg(any(feature = "pg17", feature = "pg18", feature = "pg19"))]
        {
            let none = pg_sys::NoLock as pg_sys::LOCKMODE;
            let relation = pg_sys::relation_open(table, none);
            let sequence = pg_sys::getIdentitySequence(relation, column, true);
            pg_sys::relation_close(relation, none);
            sequence
        }
        #[cfg(not(any(feature = "pg17", feature = "pg18", feature = "pg19")))]
        pg_sys::getIdentitySequence(table, column, true)
    };
    (sequence != pg_sys::InvalidOid).then_some(sequence)
}
