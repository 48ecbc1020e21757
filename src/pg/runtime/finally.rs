//! PG_TRY and PG_FINALLY: run C that may throw, always run the clean-up, and let the error travel on as it was.
//!
//! Relied on: `cee_scape::call_with_sigsetjmp`, as in pgrx's own boundary; the two stacks that PG_TRY saves (elog.h).
//! The error data are neither copied nor flushed, so CONTEXT, constraint names and positions stay whole.

use cee_scape::{SigJmpBufFields, call_with_sigsetjmp};
use pgrx::pg_sys;

unsafe extern "C-unwind" {
    fn pg_re_throw() -> !;
}

/// Runs `body`; whether it threw a PostgreSQL error.
///
/// # Safety
/// `body` only calls C: no value with a destructor may be alive in it when PostgreSQL jumps out, and it must not panic.
pub unsafe fn throws(body: impl FnOnce()) -> bool {
    // SAFETY: saves and restores what PG_TRY does, in the one thread of the backend; a jump to the buffer can only
    // happen while this frame is alive because the old stack is restored on both ways out.
    unsafe {
        let exception_stack = pg_sys::PG_exception_stack;
        let context_stack = pg_sys::error_context_stack;
        let jumped = call_with_sigsetjmp(false, |buffer| {
            pg_sys::PG_exception_stack = buffer as *const SigJmpBufFields as *mut _;
            body();
            0
        });
        pg_sys::PG_exception_stack = exception_stack;
        pg_sys::error_context_stack = context_stack;
        jumped != 0
    }
}

/// Runs `body`, then `cleanup`, whether `body` returned or threw a PostgreSQL error; rethrows that error.
///
/// # Safety
/// As for [`throws`]. `cleanup` must neither panic nor raise an error.
#[allow(
    ffi_unwind_calls,
    reason = "jumps to the next handler over a frame that owns nothing"
)]
pub unsafe fn finally(body: impl FnOnce(), cleanup: impl FnOnce()) {
    // SAFETY: the caller's promise.
    unsafe {
        let thrown = throws(body);
        cleanup();
        if thrown {
            pg_re_throw();
        }
    }
}
