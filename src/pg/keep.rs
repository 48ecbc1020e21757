//! The extension stays until a superuser drops it, whatever command would take it along: DROP SCHEMA public by its owner, DROP OWNED
//! by the database's owner, or any other. Who owned the schema could make a table of the capture table's name next, and forge rows
//! for a destination.
//!
//! Relied on: whatever is dropped passes the object access hook before it is gone (dependency.c: deleteOneObject), in a session
//! that has the library: the event triggers at the start of a command see to that, on a destination for the commands named in
//! `sql/start_apply.sql`.

use super::own;
use super::text;
use crate::error;
use core::ffi::{c_int, c_void};
use pgrx::pg_sys;

static mut PREVIOUS: pg_sys::object_access_hook_type = None;

/// Called by the first DDL command of a session.
pub fn install() {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a process has one thread; the previous hook is kept and called.
        unsafe {
            PREVIOUS = pg_sys::object_access_hook;
            pg_sys::object_access_hook = Some(object_access);
        }
    });
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn object_access(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub: c_int,
    argument: *mut c_void,
) {
    // SAFETY: the name of an extension that is about to be dropped; the previous hook was valid when it was saved.
    unsafe {
        if access == pg_sys::ObjectAccessType::OAT_DROP
            && class == pg_sys::ExtensionRelationId
            && !pg_sys::superuser()
            && text::bytes(pg_sys::get_extension_name(object)) == own::EXTENSION.to_bytes()
        {
            error::extension_required().raise();
        }
        if let Some(previous) = PREVIOUS {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous(access, class, object, sub, argument));
        }
    }
}
