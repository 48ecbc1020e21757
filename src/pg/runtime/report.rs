//! Messages to the client and the server log, in the server encoding.
//!
//! pgrx hands Rust strings to the server as they are, in UTF-8; in a database with another encoding such a message would
//! be refused as invalid, and with it the user's command.

use crate::pg::runtime::{memory, text};
use core::ffi::{c_char, c_int};
use pgrx::pg_sys;
use pgrx::prelude::{PgLogLevel, PgSqlErrorCode};

unsafe extern "C-unwind" {
    fn errstart(level: c_int, domain: *const c_char) -> bool;
    fn errcode(code: c_int) -> c_int;
    fn errmsg_internal(format: *const c_char, ...) -> c_int;
    fn errdetail_internal(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
    fn errhidestmt(hide: bool) -> c_int;
    fn errhidecontext(hide: bool) -> c_int;
    fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
}

/// Emits a message; does not return for ERROR (the error unwinds as pgrx's errors do).
pub fn emit(
    level: PgLogLevel,
    code: PgSqlErrorCode,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) {
    let level = level as c_int;
    let code = code as c_int;
    let message = text::c_string(message);
    let detail = detail.map(text::c_string);
    let hint = hint.map(text::c_string);
    let (message, detail, hint) = (
        message.as_ptr(),
        detail.as_ref().map(|d| d.as_ptr()),
        hint.as_ref().map(|h| h.as_ptr()),
    );
    let is_long = memory::is_statement_long();
    // SAFETY: the sequence of calls that ereport() expands to (elog.h); the strings outlive it, and what has a destructor
    // lies outside of the boundary.
    unsafe {
        #[allow(ffi_unwind_calls, reason = "protected by pg_guard_ffi_boundary")]
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            if !errstart(level, core::ptr::null()) {
                return;
            }
            errcode(code);
            if is_long {
                errhidestmt(true);
                errhidecontext(true);
            }
            errmsg_internal(c"%s".as_ptr(), message);
            if let Some(detail) = detail {
                errdetail_internal(c"%s".as_ptr(), detail);
            }
            if let Some(hint) = hint {
                errhint(c"%s".as_ptr(), hint);
            }
            errfinish(c"dts_ddl_capture".as_ptr(), 0, c"dts_ddl_capture".as_ptr());
        });
    }
}
