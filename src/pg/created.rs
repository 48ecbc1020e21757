//! The relations that the running command makes, in the order in which it makes them; event triggers are told of some of them only.
//!
//! And the indexes that it drops: those that an ALTER TABLE makes anew have the names of what they stand for.
//!
//! Relied on: each passes the object access hook as soon as it is in the catalogs (heap.c, index.c). Before the index of a concurrent
//! build is committed, it is marked as one that no row tells of ([`index`]).

use super::build_lock;
use super::catalog;
use super::index;
use super::memory::with_reserve;
use crate::capture;
use crate::in_progress::{self, DroppedIndex};
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
    if access == pg_sys::ObjectAccessType::OAT_POST_CREATE
        && class == pg_sys::RelationRelationId
        && sub == 0
        && in_progress::note_made(object)
        && capture::is_on()
    {
        with_reserve(|| {
            index::is_begun(object);
            index::table_of_new(object)
                .into_iter()
                .for_each(build_lock::hold);
        });
    }
    if access == pg_sys::ObjectAccessType::OAT_DROP
        && class == pg_sys::RelationRelationId
        && sub == 0
        && in_progress::drops_indexes()
    {
        with_reserve(|| note_dropped(object));
    }
    // SAFETY: the previous hook was valid when it was saved; the arguments go on unchanged.
    unsafe {
        if let Some(previous) = PREVIOUS {
            #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
            pg_sys::ffi::pg_guard_ffi_boundary(|| previous(access, class, object, sub, argument));
        }
    }
}

fn note_dropped(object: pg_sys::Oid) {
    if index::table_of(object).is_some()
        && let Some(name) = catalog::relation_name(object)
    {
        // Only under the command's lock is it certain: a build may have been under way when it began.
        let is_untold = index::is_untold(object);
        in_progress::note_dropped_index(DroppedIndex { name, is_untold });
    }
}
