//! Expressions that a command computes and that leave no trace: USING of ALTER COLUMN TYPE, and the bound of a partition. A
//! type of the session's temporary schema comes before all others of its name (namespace.c: TypenameGetTypid); what such a name
//! means elsewhere is somebody else's.
//!
//! Relied on: nodeToString() writes a type's name as `{TYPENAME :names ("name")` (outfuncs.c), one part only where no schema is
//! named.

use crate::pg::command::node::ParseTree;
use crate::pg::runtime::session::temporary_schema;
use crate::pg::runtime::{list, syscache, text};
use pgrx::pg_sys::{self, Datum};

/// Whether such an expression of a statement names a temporary type. Costs nothing in a session without temporary objects.
pub fn is_named(tree: ParseTree) -> bool {
    let node = tree.node();
    let Some(namespace) = temporary_schema().filter(|_| !node.is_null()) else {
        return false;
    };
    // SAFETY: the node tags say which types these are.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_CreateStmt => {
                let create = &*(node as *mut pg_sys::CreateStmt);
                names_type_of(create.partbound.cast(), namespace)
            }
            pg_sys::NodeTag::T_AlterTableStmt => {
                let alter = &*(node as *mut pg_sys::AlterTableStmt);
                list::pointers::<pg_sys::AlterTableCmd>(alter.cmds)
                    .into_iter()
                    .map(|command| (*command).def)
                    .any(|def| names_type_of(expression_of(def), namespace))
            }
            _ => false,
        }
    }
}

/// The same of one expression.
///
/// # Safety
/// A raw expression or NULL.
pub(in crate::pg) unsafe fn is_in_expression(expression: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    temporary_schema().is_some_and(|namespace| unsafe { names_type_of(expression, namespace) })
}

/// What the definition of an ALTER TABLE's part has of these; NULL where it has none.
///
/// # Safety
/// A valid node or NULL.
unsafe fn expression_of(def: *mut pg_sys::Node) -> *mut pg_sys::Node {
    // SAFETY: the caller's promise; the node tag says which type this is.
    unsafe {
        if def.is_null() {
            return def;
        }
        match (*def).type_ {
            pg_sys::NodeTag::T_ColumnDef => (*(def as *mut pg_sys::ColumnDef)).raw_default,
            pg_sys::NodeTag::T_PartitionCmd => (*(def as *mut pg_sys::PartitionCmd)).bound.cast(),
            _ => core::ptr::null_mut(),
        }
    }
}

/// # Safety
/// A raw expression or NULL.
unsafe fn names_type_of(expression: *mut pg_sys::Node, namespace: pg_sys::Oid) -> bool {
    if expression.is_null() {
        return false;
    }
    // SAFETY: the caller's promise; a fresh string.
    let written = unsafe { text::bytes(pg_sys::nodeToString(expression.cast())) };
    bare_names(written).into_iter().any(|name| {
        let name = text::c_string_of_bytes(&name);
        let none = Datum::from(0usize);
        // SAFETY: TYPENAMENSP has these two keys.
        let found = unsafe {
            pg_sys::GetSysCacheOid(
                syscache::cache_number(pg_sys::SysCacheIdentifier::TYPENAMENSP),
                pg_sys::Anum_pg_type_oid as pg_sys::AttrNumber,
                Datum::from(name.as_ptr()),
                Datum::from(namespace),
                none,
                none,
            )
        };
        found != pg_sys::InvalidOid
    })
}

/// The names of types without a schema in what nodeToString() has written.
fn bare_names(written: &[u8]) -> Vec<Vec<u8>> {
    const BEFORE: &[u8] = b"{TYPENAME :names (\"";
    let mut names = Vec::new();
    for start in (0..written.len()).filter(|&at| written[at..].starts_with(BEFORE)) {
        let (mut name, mut rest) = (Vec::new(), written[start + BEFORE.len()..].iter());
        while let Some(&byte) = rest.next().filter(|&&byte| byte != b'"') {
            // a backslash stands before what is special to a reader
            name.extend(if byte == b'\\' {
                rest.next()
            } else {
                Some(&byte)
            });
        }
        if rest.next() == Some(&b')') {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::bare_names;

    #[test]
    fn names_without_schema() {
        let written = br#"{A :x {TYPENAME :names ("kind") :typmods <>} :y {TYPENAME :names ("pg_catalog" "int4")} {TYPENAME :names ("a\"\ b") }"#;
        assert_eq!(bare_names(written), [b"kind".to_vec(), b"a\" b".to_vec()]);
        assert!(bare_names(b"{TYPENAME :names (\"").is_empty());
    }
}
