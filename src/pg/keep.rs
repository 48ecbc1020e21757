//! The extension stays where it is until a superuser takes it away, whatever command would do so: DROP SCHEMA public by its owner,
//! DROP OWNED by the database's owner, or any other; and schema public keeps its name, which is the first half of the capture table's.
//! Who owned the schema could make a table of that name next, and forge rows for a destination; and a worker of a destination would
//! find the capture table under the name of another one of the source.
//!
//! With it go the files that it keeps ([`crate::apply::stops`]).
//!
//! Relied on: whatever is dropped passes the object access hook before it is gone (dependency.c: deleteOneObject), and a schema after
//! it has got its name (schemacmds.c: RenameSchema), in a session that has the library: the event triggers at the start of a command
//! see to that, on a destination for the commands named in `sql/start_apply.sql`.

use super::memory::with_reserve;
use super::own;
use super::scan;
use super::table;
use super::text;
use crate::error;
use core::ffi::{c_int, c_void};
use pgrx::pg_sys;

static mut PREVIOUS: pg_sys::object_access_hook_type = None;

/// Called once, from `_PG_init`.
pub fn install() {
    // SAFETY: a process has one thread; the previous hook is kept and called.
    unsafe {
        PREVIOUS = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(object_access);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn object_access(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub: c_int,
    argument: *mut c_void,
) {
    // SAFETY: `object` is what the access says; the previous hook was valid when it was saved.
    unsafe {
        if access == pg_sys::ObjectAccessType::OAT_DROP && class == pg_sys::ExtensionRelationId {
            with_reserve(|| extension_goes(object));
        }
        if access == pg_sys::ObjectAccessType::OAT_POST_ALTER
            && class == pg_sys::NamespaceRelationId
            && !pg_sys::superuser()
        {
            with_reserve(|| schema_is_altered(object));
        }
        if let Some(previous) = PREVIOUS {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous(access, class, object, sub, argument));
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
            error::extension_required().raise();
        }
        crate::apply::stops::forget_all(pg_sys::MyDatabaseId.to_u32());
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
            error::schema_required().raise();
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
