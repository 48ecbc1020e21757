//! The error context stack: inside which function or block does a nested command run?
//!
//! Each entry's callback is asked on its own, as GET DIAGNOSTICS .. PG_CONTEXT asks all of them (elog.c:
//! GetErrorContextStack). Entries that only repeat the text of an SQL statement are left out, without being rendered.
//! Which callback is of that kind is learnt once per callback, from its text in English.

use crate::pg::runtime::{memory, text};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;

/// More entries than this are not told; nesting is that deep only in runaway recursion.
const MAX_ENTRIES: usize = 16;
/// A longer entry is cut: it is a description, not the statement.
const MAX_BYTES: u16 = 300;

thread_local! {
    /// By address of the callback: does it repeat a statement's text?
    static REPEATS_STATEMENT: RefCell<HashMap<usize, bool>> = RefCell::new(HashMap::new());
}

/// What surrounds the running command, innermost first, in the language of lc_messages.
pub fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    // SAFETY: the stack is a list of valid entries that live in the frames of the callers.
    unsafe {
        let mut entry = pg_sys::error_context_stack;
        while !entry.is_null() && lines.len() < MAX_ENTRIES {
            if !repeats_statement(entry) {
                let line = render(entry);
                if !line.is_empty() {
                    lines.push(text::decode(text::cut(&line, MAX_BYTES)));
                }
            }
            entry = (*entry).previous;
        }
    }
    lines
}

/// The innermost entry as PostgreSQL words it without translation; empty where there is none.
pub fn innermost_in_english() -> Vec<u8> {
    // SAFETY: as in `lines`.
    unsafe {
        let entry = pg_sys::error_context_stack;
        if entry.is_null() {
            Vec::new()
        } else {
            in_english(|| render(entry))
        }
    }
}

/// # Safety
/// `entry` is a valid entry of the stack.
unsafe fn repeats_statement(entry: *mut pg_sys::ErrorContextCallback) -> bool {
    // SAFETY: the caller's promise.
    let Some(address) = (unsafe { (*entry).callback }).map(|f| f as usize) else {
        return true;
    };
    if let Some(known) = REPEATS_STATEMENT.with_borrow(|known| known.get(&address).copied()) {
        return known;
    }
    // SAFETY: the caller's promise.
    let line = in_english(|| unsafe { render(entry) });
    if line.is_empty() {
        return true;
    }
    let repeats = [
        &b"SQL statement \""[..],
        b"SQL expression \"",
        b"PL/pgSQL expression \"",
        b"PL/pgSQL assignment \"",
    ]
    .iter()
    .any(|prefix| line.starts_with(prefix));
    REPEATS_STATEMENT.with_borrow_mut(|known| known.insert(address, repeats));
    repeats
}

/// What one entry's callback says.
///
/// # Safety
/// `entry` is a valid entry of the stack.
unsafe fn render(entry: *mut pg_sys::ErrorContextCallback) -> Vec<u8> {
    // SAFETY: the stack is replaced by a copy of this one entry for the length of the call, and put back also when a
    // callback throws, since pgrx's boundary restores it.
    unsafe {
        let whole = pg_sys::error_context_stack;
        let mut alone = *entry;
        alone.previous = core::ptr::null_mut();
        pg_sys::error_context_stack = &mut alone;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pg_sys::GetErrorContextStack()
        }));
        pg_sys::error_context_stack = whole;
        match result {
            Ok(line) => memory::copy(text::bytes(line)),
            Err(error) => std::panic::resume_unwind(error),
        }
    }
}

/// Runs `f` with messages untranslated.
fn in_english<T>(f: impl FnOnce() -> T) -> T {
    const CATEGORY: i32 = libc_lc_messages();
    // SAFETY: a backend is single-threaded; the locale is put back whether `f` returns or unwinds.
    unsafe {
        let current = pg_sys::GetConfigOption(c"lc_messages".as_ptr(), true, false);
        let current = text::bytes(current);
        if current.is_empty()
            || current == b"C"
            || current == b"POSIX"
            || current.starts_with(b"en")
        {
            return f();
        }
        let Ok(current) = std::ffi::CString::new(current) else {
            return f();
        };
        pg_sys::pg_perm_setlocale(CATEGORY, c"C".as_ptr());
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        pg_sys::pg_perm_setlocale(CATEGORY, current.as_ptr());
        match result {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error),
        }
    }
}

/// LC_MESSAGES of the platform's locale.h.
const fn libc_lc_messages() -> i32 {
    if cfg!(target_os = "linux") { 5 } else { 6 }
}
