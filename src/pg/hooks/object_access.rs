//! The object access hook: what is made, altered or dropped, and on a destination which function is called, for those who ask.
//!
//! The hook itself is plain C without pgrx's boundary: it is called for each function that runs, which only a process
//! that may apply rows asks about. Relied on: objectaccess.h; the classes of catalogs. The previous hook is called last.

use crate::pg::hooks::access::Access;
use crate::pg::hooks::running;
use crate::pg::hooks::{keep, relations, row_rights};
use crate::pg::runtime::memory::with_reserve;
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

/// Those that [`tell`] tells of; a table is made and dropped with many others.
const CLASSES: [pg_sys::Oid; 4] = [
    pg_sys::RelationRelationId,
    pg_sys::ProcedureRelationId,
    pg_sys::NamespaceRelationId,
    pg_sys::ExtensionRelationId,
];

#[allow(
    ffi_unwind_calls,
    reason = "an error passes through untouched; nothing here has a destructor"
)]
unsafe extern "C-unwind" fn object_access(
    kind: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub: c_int,
    argument: *mut c_void,
) {
    match kind {
        pg_sys::ObjectAccessType::OAT_FUNCTION_EXECUTE if running::may_apply() => {
            before_function(object)
        }
        pg_sys::ObjectAccessType::OAT_POST_CREATE
        | pg_sys::ObjectAccessType::OAT_POST_ALTER
        | pg_sys::ObjectAccessType::OAT_DROP
            if sub == 0 && CLASSES.contains(&class) =>
        {
            tell(kind, class, object, sub)
        }
        _ => {}
    }
    // SAFETY: the previous hook was valid when it was saved; the arguments go on unchanged.
    unsafe {
        if let Some(previous) = PREVIOUS {
            previous(kind, class, object, sub, argument);
        }
    }
}

#[pgrx::pg_guard]
extern "C-unwind" fn before_function(function: pg_sys::Oid) {
    row_rights::before_function(function).unwrap_or_else(|failure| failure.raise());
}

#[pgrx::pg_guard]
extern "C-unwind" fn tell(
    kind: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub: c_int,
) {
    let access = Access {
        kind,
        class,
        object,
        sub,
    };
    with_reserve(|| {
        keep::is_accessed(&access);
        relations::is_accessed(&access);
        if running::may_apply() {
            running::is_accessed(&access);
        }
    });
}
