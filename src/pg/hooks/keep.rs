//! The extension stays where it is until a superuser takes it away, whatever command would do so: DROP SCHEMA public by its
//! owner, DROP OWNED by the database's owner, or any other; and schema public keeps its name, which is the first half of the
//! capture table's. Who owned the schema could make a table of that name next, and forge rows for a destination; and a worker
//! of a destination would find the capture table under the name of another one of the source.
//!
//! With it go the files that it keeps ([`crate::apply::stops`]).
//!
//! Relied on: whatever is dropped passes the object access hook before it is gone (dependency.c: deleteOneObject), and a schema
//! after it has got its name (schemacmds.c: RenameSchema), in a session that has the library: the event triggers at the start
//! of a command see to that, on a destination for the commands named in `sql/start_apply.sql`.

use crate::pg::catalog::own;
use crate::pg::hooks::access::Access;
use crate::pg::hooks::handlers;
use crate::pg::runtime::{failure, scan, text};
use crate::pg::store::table;
use pgrx::pg_sys;

/// Of the object access hook.
pub fn is_accessed(access: &Access) {
    // SAFETY: inside a transaction; the object is what the access says.
    unsafe {
        if access.drops(pg_sys::ExtensionRelationId) {
            extension_goes(access.object);
        }
        if access.alters(pg_sys::NamespaceRelationId) && !pg_sys::superuser() {
            schema_is_altered(access.object);
        }
    }
}

/// # Safety
/// An extension that is about to be dropped.
unsafe fn extension_goes(extension: pg_sys::Oid) {
    // SAFETY: the caller's promise.
    unsafe {
        if text::bytes(pg_sys::get_extension_name(extension)) != own::EXTENSION.to_bytes() {
            return;
        }
        if !pg_sys::superuser() {
            failure::extension_required().raise();
        }
        (handlers::above().extension_goes)(pg_sys::MyDatabaseId.to_u32());
    }
}

/// # Safety
/// Inside a transaction.
unsafe fn schema_is_altered(schema: pg_sys::Oid) {
    // SAFETY: the caller's promise.
    unsafe {
        if pg_sys::get_rel_namespace(table::capture_table()) == schema
            && new_name_of_schema(schema).is_some_and(|name| name != table::SCHEMA.to_bytes())
        {
            failure::schema_required().raise();
        }
    }
}

/// The name that the running command has just given to a schema.
///
/// # Safety
/// Inside a transaction.
unsafe fn new_name_of_schema(schema: pg_sys::Oid) -> Option<Vec<u8>> {
    let mut name = None;
    // SAFETY: the caller's promise; what the running command has written is visible to SnapshotSelf alone.
    unsafe {
        scan::each_row_of(
            &raw mut pg_sys::SnapshotSelfData,
            pg_sys::NamespaceRelationId,
            pg_sys::NamespaceOidIndexId,
            &[(pg_sys::Anum_pg_namespace_oid, schema)],
            |tuple, _| {
                let row = &*(pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_namespace);
                name = Some(text::bytes(row.nspname.data.as_ptr()).to_vec());
            },
        );
    }
    name
}
