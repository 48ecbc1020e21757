//! The lock of a CREATE INDEX CONCURRENTLY stays until its row is committed.
//!
//! PostgreSQL gives it up when the index is valid, at the very end of its last transaction (indexcmds.c: DefineIndex), which
//! then commits at once. With an event trigger that takes longer: who waits for the table would get it before that commit is
//! seen, and fail with "tuple concurrently updated". So the session holds the lock once more.
//! Relied on: the end of a failed transaction gives up all locks of the session (lock.c: LockReleaseAll).

use crate::pg::hooks::handlers::above;
use core::ffi::c_void;
use pgrx::pg_sys;
use std::cell::Cell;

const LOCK: pg_sys::LOCKMODE = pg_sys::ShareUpdateExclusiveLock as pg_sys::LOCKMODE;

thread_local! {
    /// The table whose lock is held once more.
    static HELD: Cell<Option<pg_sys::Oid>> = const { Cell::new(None) };
}

/// Called once, from `_PG_init`.
pub fn install() {
    // SAFETY: a static function.
    unsafe {
        pg_sys::RegisterResourceReleaseCallback(Some(released), core::ptr::null_mut());
    }
}

fn id_of(table: pg_sys::Oid) -> pg_sys::LockRelId {
    pg_sys::LockRelId {
        relId: table,
        // SAFETY: reads a variable.
        dbId: unsafe { pg_sys::MyDatabaseId },
    }
}

/// A concurrent build of an index of this table has begun, and has its lock.
pub fn hold(table: pg_sys::Oid) {
    if HELD.get().is_none() {
        // SAFETY: granted at once, as the transaction has it; an ordinary table of this database.
        unsafe { pg_sys::LockRelationIdForSession(&mut id_of(table), LOCK) };
        HELD.set(Some(table));
    }
}

/// A transaction or part of one gives up what it holds. Without pgrx's boundary: it is called often, and nearly always for nothing.
unsafe extern "C-unwind" fn released(
    phase: pg_sys::ResourceReleasePhase::Type,
    is_commit: bool,
    is_top_level: bool,
    _argument: *mut c_void,
) {
    if let Some(table) = HELD.get() {
        give_up(table, phase, is_commit, is_top_level);
    }
}

#[pgrx::pg_guard]
extern "C-unwind" fn give_up(
    table: pg_sys::Oid,
    phase: pg_sys::ResourceReleasePhase::Type,
    is_commit: bool,
    is_top_level: bool,
) {
    let is_over = phase == pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_AFTER_LOCKS
        && is_top_level
        && !(is_commit && (above().builds_concurrently)());
    if is_over {
        HELD.set(None);
        if is_commit {
            // SAFETY: this session holds it.
            unsafe { pg_sys::UnlockRelationIdForSession(&mut id_of(table), LOCK) };
        }
    }
}
