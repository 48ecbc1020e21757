//! Tablespaces that a statement names and this server does not have: its objects go to the database's own instead, where the DBA
//! wants that.

use crate::pg::runtime::list::pointers;
use crate::pg::runtime::text;
use core::ffi::c_char;
use pgrx::pg_sys::{self, NodeTag};

/// Names the database's own tablespace wherever a statement makes or moves something into one that is not here. Returns the
/// names that were replaced.
///
/// # Safety
/// `statement` is a valid raw parse tree that belongs to the caller.
pub(in crate::pg) unsafe fn replace_missing(statement: *mut pg_sys::Node) -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: the caller's promise.
    unsafe { each_name(statement, &mut |name| names.push(name)) };
    let mut replaced = Vec::new();
    for name in names {
        // SAFETY: each is a field of a node of the statement, NULL or a NUL-terminated string.
        unsafe {
            if (*name).is_null() || pg_sys::get_tablespace_oid(*name, true) != pg_sys::InvalidOid {
                continue;
            }
            replaced.extend(text::string(*name));
            *name = pg_sys::get_tablespace_name(pg_sys::MyDatabaseTableSpace);
        }
    }
    replaced
}

/// Hands each field of a statement that names a tablespace into which something goes to `f`.
///
/// # Safety
/// As above; the node tags say which type each is.
unsafe fn each_name(node: *mut pg_sys::Node, f: &mut impl FnMut(*mut *mut c_char)) {
    if node.is_null() {
        return;
    }
    // SAFETY: the caller's promise, also of the nodes within.
    unsafe {
        match (*node).type_ {
            NodeTag::T_CreateStmt => {
                let create = node as *mut pg_sys::CreateStmt;
                f(&raw mut (*create).tablespacename);
                each_name_in((*create).tableElts, f);
            }
            NodeTag::T_ColumnDef => {
                each_name_in((*(node as *mut pg_sys::ColumnDef)).constraints, f);
            }
            NodeTag::T_Constraint => f(&raw mut (*(node as *mut pg_sys::Constraint)).indexspace),
            NodeTag::T_IndexStmt => f(&raw mut (*(node as *mut pg_sys::IndexStmt)).tableSpace),
            NodeTag::T_CreateTableAsStmt => {
                let into = (*(node as *mut pg_sys::CreateTableAsStmt)).into;
                f(&raw mut (*into).tableSpaceName);
            }
            NodeTag::T_CreateSchemaStmt => {
                each_name_in((*(node as *mut pg_sys::CreateSchemaStmt)).schemaElts, f);
            }
            NodeTag::T_AlterTableStmt => {
                each_name_in((*(node as *mut pg_sys::AlterTableStmt)).cmds, f);
            }
            NodeTag::T_AlterTableCmd => {
                let command = node as *mut pg_sys::AlterTableCmd;
                if (*command).subtype == pg_sys::AlterTableType::AT_SetTableSpace {
                    f(&raw mut (*command).name);
                }
                each_name((*command).def, f);
            }
            NodeTag::T_AlterTableMoveAllStmt => {
                let all = node as *mut pg_sys::AlterTableMoveAllStmt;
                f(&raw mut (*all).new_tablespacename);
            }
            _ => {}
        }
    }
}

/// # Safety
/// As above, of each element.
unsafe fn each_name_in(list: *mut pg_sys::List, f: &mut impl FnMut(*mut *mut c_char)) {
    // SAFETY: the caller's promise.
    unsafe {
        for node in pointers::<pg_sys::Node>(list) {
            each_name(node, f);
        }
    }
}
