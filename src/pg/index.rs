//! Invalid indexes: what CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY leave when they fail. That they exist is
//! committed, but no command has told of it; other servers do not have them.
//! Not promised: to tell them from indexes that an interrupted DROP INDEX CONCURRENTLY left.

use super::catalog::Address;
use super::compat;
use super::execute::Role;
use super::node::{self, ParseTree};
use super::text;
use pgrx::pg_sys;
use pgrx::pg_sys::Datum;

/// An index, by schema and name: REINDEX CONCURRENTLY puts another one in its place.
#[derive(Debug)]
pub struct Name {
    schema: pg_sys::Oid,
    name: String,
}

/// Whether this is an index that is not valid. Those of partitioned tables are so until all partitions have one.
pub fn is_invalid(index: Address) -> bool {
    // SAFETY: INDEXRELID holds rows of pg_index; the look-ups give nothing for other objects.
    unsafe {
        index.is_relation()
            && pg_sys::get_rel_relkind(index.object) as u8 == pg_sys::RELKIND_INDEX
            && compat::with_cached(
                pg_sys::SysCacheIdentifier::INDEXRELID,
                index.object,
                |row: &pg_sys::FormData_pg_index| !row.indisvalid,
            )
            .unwrap_or(false)
    }
}

/// Whether a statement is a DROP INDEX that names an invalid one; to be asked before it runs.
pub fn drops_invalid(tree: ParseTree) -> bool {
    tree.indexes_to_drop()
        .into_iter()
        .any(|index| is_invalid(Address::relation(index)))
}

/// The invalid index that a REINDEX INDEX names; to be asked before it runs.
pub fn to_repair(tree: ParseTree) -> Option<Name> {
    let node = tree.node();
    // SAFETY: a parse tree is valid while its command runs; the node tag says which type it is.
    unsafe {
        if node.is_null() || (*node).type_ != pg_sys::NodeTag::T_ReindexStmt {
            return None;
        }
        let reindex = node as *mut pg_sys::ReindexStmt;
        if (*reindex).kind != pg_sys::ReindexObjectType::REINDEX_OBJECT_INDEX {
            return None;
        }
        let index = node::find_permanent_relation((*reindex).relation);
        if index == pg_sys::InvalidOid || !is_invalid(Address::relation(index)) {
            return None;
        }
        Some(Name {
            schema: pg_sys::get_rel_namespace(index),
            name: text::string(pg_sys::get_rel_name(index))?,
        })
    }
}

/// The index of this name, if it is valid now.
pub fn address(name: &Name) -> Option<Address> {
    let bare = text::c_string(&name.name);
    // SAFETY: a syscache look-up by name.
    let index = unsafe { pg_sys::get_relname_relid(bare.as_ptr(), name.schema) };
    (index != pg_sys::InvalidOid)
        .then(|| Address::relation(index))
        .filter(|&index| !is_invalid(index))
}

/// The owner of the index and its table.
pub fn owner(name: &Name) -> Option<Role> {
    address(name).map(|index| Role::owner_of(index.object))
}

/// The CREATE INDEX of an index that is valid now.
pub fn definition(name: &Name) -> Option<String> {
    let index = address(name)?.object;
    // SAFETY: pg_get_indexdef(oid) reads catalogs.
    unsafe {
        let definition = compat::call(pg_sys::pg_get_indexdef, [Datum::from(index)])?;
        text::string(pg_sys::text_to_cstring(definition.cast_mut_ptr()))
    }
}
