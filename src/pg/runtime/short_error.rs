//! Errors of code that may be anybody's: their texts are cut before they are copied.
//!
//! An error may have texts of 1 GiB each. pgrx copies each error that passes its boundary, twice, and what is made of it is copied
//! again, until the process has no memory left or a text is longer than one can be.
//! How it works: PG_CATCH below pgrx's boundary. PostgreSQL gives out its error as a copy only, which is the one that is made.
//! Relied on: CopyErrorData() allocates each of these texts anew, and ReThrowError() copies them (elog.c).

use crate::pg::runtime::finally::throws;
use crate::pg::runtime::text;
use core::ffi::c_char;
use pgrx::pg_sys;

/// So many bytes of each text are kept.
pub const MOST: u16 = u16::MAX;
/// Follows what was cut.
pub const CUT: &str = "...";

// The server's own functions, declared by hand: the bound ones are wrapped by pgrx's boundary.
mod raw {
    use pgrx::pg_sys::ErrorData;
    unsafe extern "C-unwind" {
        pub fn CopyErrorData() -> *mut ErrorData;
        pub fn FreeErrorData(error: *mut ErrorData);
        pub fn FlushErrorState();
        pub fn ReThrowError(error: *mut ErrorData) -> !;
        pub fn pg_re_throw() -> !;
    }
}

/// Runs `body` behind pgrx's boundary; an error has short texts.
///
/// # Safety
/// `body` only calls C, as [`super::finally::finally`] asks.
pub unsafe fn with_short_errors(body: impl FnOnce()) {
    // SAFETY: the caller's promise; no value with a destructor is alive in what PostgreSQL jumps over.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| catch(body)) }
}

/// # Safety
/// As [`with_short_errors`], below a handler of errors.
#[allow(
    ffi_unwind_calls,
    reason = "jumps to the next handler over frames that own nothing"
)]
unsafe fn catch(body: impl FnOnce()) {
    // SAFETY: the caller's promise; the error is flushed or left, never both.
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        if !throws(body) {
            return;
        }
        pg_sys::CurrentMemoryContext = memory;
        let error = raw::CopyErrorData();
        if shorten(&mut *error) {
            raw::FlushErrorState();
            raw::ReThrowError(error);
        }
        raw::FreeErrorData(error);
        raw::pg_re_throw();
    }
}

/// Whether there was something to cut.
///
/// # Safety
/// A copy of an error, in the current memory context.
unsafe fn shorten(error: &mut pg_sys::ErrorData) -> bool {
    let mut any = false;
    for text in [
        &mut error.message,
        &mut error.detail,
        &mut error.detail_log,
        &mut error.hint,
        &mut error.context,
        &mut error.internalquery,
    ] {
        // SAFETY: the caller's promise: NULL or a string of its own.
        any |= unsafe { shorten_text(text) };
    }
    any
}

/// # Safety
/// NULL or a string that was allocated by PostgreSQL.
unsafe fn shorten_text(text: &mut *mut c_char) -> bool {
    // SAFETY: the caller's promise; there is room for the beginning, the mark and a NUL.
    unsafe {
        let bytes = text::bytes(*text);
        let beginning = text::cut(bytes, MOST);
        if beginning.len() == bytes.len() {
            return false;
        }
        let short = pg_sys::palloc0(beginning.len() + CUT.len() + 1).cast::<u8>();
        short.copy_from_nonoverlapping(beginning.as_ptr(), beginning.len());
        (short.add(beginning.len())).copy_from_nonoverlapping(CUT.as_ptr(), CUT.len());
        pg_sys::pfree((*text).cast());
        *text = short.cast();
    }
    true
}
