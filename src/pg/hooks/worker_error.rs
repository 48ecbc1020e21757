//! The error with which a logical replication worker ends, as the server log is about to be told of it.
//!
//! PostgreSQL keeps nothing of it where SQL could read it (before 15 not even a count), and what the worker had written is rolled
//! back. So the hook that sees each message of the server log hands it on ([`crate::apply::stops`]).
//! Relied on: a worker's error is reported once, at its very end (bgworker.c: StartBackgroundWorker; worker.c: start_apply,
//! DisableSubscriptionAndExit).
//! Not promised: workers that have not loaded the library (not preloaded, and no DDL command has come yet).

use crate::pg::hooks::handlers::{self, WorkerError};
use crate::pg::runtime::{memory, text};
use core::ffi::{CStr, c_char, c_int};
use pgrx::pg_sys;
use pgrx::prelude::PgLogLevel;
use std::cell::Cell;

/// So many bytes of a text at most.
const MOST: u16 = 8192;

thread_local! {
    /// The last transaction was rolled back.
    static ABORTED: Cell<bool> = const { Cell::new(false) };
    /// Of the source's last transaction that is committed here. (At an error newer minors have forgotten it: worker.c,
    /// apply_error_callback.)
    static POSITION: Cell<Option<i64>> = const { Cell::new(None) };
}
static mut PREVIOUS: pg_sys::emit_log_hook_type = None;

/// Called once, from `_PG_init`.
pub fn install() {
    // SAFETY: a process has one thread; the previous hook is kept and called.
    unsafe {
        PREVIOUS = pg_sys::emit_log_hook;
        pg_sys::emit_log_hook = Some(emit_log);
    }
}

/// Before 15 the error is reported first, later the transaction is rolled back first.
pub fn transaction_ended(rolled_back: bool) {
    ABORTED.set(rolled_back);
    if !rolled_back {
        note_position();
    }
}

/// Notes where the worker stands.
pub fn note_position() {
    // SAFETY: reads variables; where an origin is set, the session has set it up.
    unsafe {
        if pg_sys::MyLogicalRepWorker.is_null()
            || (*pg_sys::MyLogicalRepWorker).relid != pg_sys::InvalidOid
        {
            return;
        }
        #[cfg(feature = "pg19")]
        let origin = pg_sys::replorigin_xact_state.origin;
        #[cfg(not(feature = "pg19"))]
        let origin = pg_sys::replorigin_session_origin;
        if origin != 0 {
            POSITION.set(Some(pg_sys::replorigin_session_get_progress(false) as i64));
        }
    }
}

/// Nothing in here raises an error, for this is amid the report of one: without memory it is not told.
#[allow(
    ffi_unwind_calls,
    reason = "the previous hook is called as the server calls it; nothing here has a destructor then"
)]
unsafe extern "C-unwind" fn emit_log(error: *mut pg_sys::ErrorData) {
    // SAFETY: PostgreSQL passes a complete ErrorData; the previous hook was valid when it was saved.
    unsafe {
        if !pg_sys::MyLogicalRepWorker.is_null()
            && !pg_sys::MySubscription.is_null()
            && (*error).elevel >= PgLogLevel::ERROR as c_int
            && memory::has_reserve()
        {
            (handlers::above().worker_fails)(&read(error));
        }
        if let Some(previous) = PREVIOUS {
            previous(error);
        }
    }
}

/// # Safety
/// In a worker that knows its subscription; a complete ErrorData.
unsafe fn read(error: *mut pg_sys::ErrorData) -> WorkerError {
    let string = |s: *const c_char| {
        // SAFETY: NULL, or a NUL-terminated string.
        (!s.is_null())
            .then(|| text::decode(text::cut(unsafe { CStr::from_ptr(s) }.to_bytes(), MOST)))
    };
    // SAFETY: the caller's promise; the worker's entry stays for its life; the error is valid during the call.
    unsafe {
        let worker = pg_sys::MyLogicalRepWorker;
        let table = (*worker).relid;
        #[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19"))]
        let parallel = (*worker).parallel_apply;
        #[cfg(not(any(feature = "pg16", feature = "pg17", feature = "pg18", feature = "pg19")))]
        let parallel = false;
        WorkerError {
            database: pg_sys::MyDatabaseId.to_u32(),
            subscription: (*worker).subid.to_u32(),
            table: table.to_u32(),
            parallel,
            position: POSITION.get(),
            received: Some((*worker).last_lsn as i64).filter(|&lsn| lsn != 0),
            applying: ABORTED.get() || pg_sys::IsTransactionState(),
            code: (*error).sqlerrcode,
            message: string((*error).message).unwrap_or_default(),
            detail: string((*error).detail),
            hint: string((*error).hint),
            context: string((*error).context),
        }
    }
}
