//! Memory runs out: an error of the command, never the end of the server process.
//!
//! Without this, two things would end it, and with it all sessions. Rust aborts a process when malloc() fails. And pgrx
//! copies each error that passes one of its boundaries while its own jump buffer is still in place (pgrx-pg-sys, ffi.rs:
//! CopyErrorData): when there is no memory for the copy, that is an error again, until PostgreSQL panics with
//! "ERRORDATA_STACK_SIZE exceeded". So some memory is kept as a reserve while our code runs. It is given back when Rust
//! gets none, and as soon as "out of memory" is raised below us: elog.c calls error context callbacks before it jumps.
//! Texts larger than the reserve are asked for in advance ([`expect`], [`require`]).
//!
//! Relied on: errfinish() calls the callbacks of error_context_stack, in which geterrcode() is valid; a reserve that is not
//! written to takes address space only.
//! Not promised: anything for allocations larger than the reserve that nobody asked for in advance.

use crate::error::Failure;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};
use pgrx::pg_sys;
use std::alloc::System;

/// Enough for error messages and small objects, and for a block of a memory context of ordinary size.
const RESERVE: usize = 512 * 1024;
/// A statement's text is held so many times at once, at most: as sent, as stored, in the row, in the JSON document.
const COPIES: usize = 8;

static KEPT: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());

mod raw {
    use super::*;
    unsafe extern "C-unwind" {
        pub fn geterrcode() -> c_int;
        pub fn errstart(level: c_int, domain: *const c_char) -> bool;
        pub fn errcode(code: c_int) -> c_int;
        pub fn errmsg(format: *const c_char, ...) -> c_int;
        pub fn errdetail(format: *const c_char, ...) -> c_int;
        pub fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
    }
}

const fn reserve_layout() -> Layout {
    match Layout::from_size_align(RESERVE, 16) {
        Ok(layout) => layout,
        Err(_) => panic!("a size and an alignment that fit"),
    }
}

/// Makes sure that the reserve is there; whether it is.
fn refill() -> bool {
    if KEPT.load(Ordering::Relaxed).is_null() {
        // SAFETY: the layout is not empty.
        KEPT.store(unsafe { System.alloc(reserve_layout()) }, Ordering::Relaxed);
    }
    !KEPT.load(Ordering::Relaxed).is_null()
}

/// Gives the reserve back; whether there was one.
fn give_back() -> bool {
    let kept = KEPT.swap(core::ptr::null_mut(), Ordering::Relaxed);
    if !kept.is_null() {
        // SAFETY: it came from this allocator with this layout.
        unsafe { System.dealloc(kept, reserve_layout()) };
    }
    !kept.is_null()
}

/// Rust's allocations: those of malloc(), and then those of the reserve.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The result of `attempt`, which is made again without the reserve when it fails.
fn with_all(attempt: impl Fn() -> *mut u8) -> *mut u8 {
    let memory = attempt();
    if memory.is_null() && give_back() {
        return attempt();
    }
    memory
}

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        with_all(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        with_all(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; a failure leaves the old memory as it was.
        with_all(|| unsafe { System.realloc(memory, layout, size) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Raises "out of memory" when there is none for the reserve, before anything of ours runs.
///
/// # Safety
/// No value with a destructor is alive in the frames that PostgreSQL jumps over.
#[allow(
    ffi_unwind_calls,
    reason = "jumps to the next handler; nothing here has a destructor"
)]
pub unsafe fn require_reserve() {
    if refill() {
        return;
    }
    // SAFETY: as ereport(ERROR) does it, with nothing that has to be allocated by us.
    unsafe {
        if raw::errstart(pgrx::PgLogLevel::ERROR as c_int, core::ptr::null()) {
            raw::errcode(pg_sys::errcodes::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
            raw::errmsg(c"out of memory".as_ptr());
            raw::errdetail(
                c"Failed on request of size %d in extension dts_ddl_capture.".as_ptr(),
                RESERVE as c_int,
            );
            raw::errfinish(
                concat!(file!(), "\0").as_ptr() as *const c_char,
                line!() as c_int,
                c"require_reserve".as_ptr(),
            );
        }
    }
}

/// Runs `work`, which may call PostgreSQL through pgrx's boundaries, with the reserve behind it.
pub fn with_reserve<R>(work: impl FnOnce() -> R) -> R {
    struct Pop(*mut pg_sys::ErrorContextCallback);
    impl Drop for Pop {
        fn drop(&mut self) {
            // SAFETY: what was there before this frame outlives it.
            unsafe { pg_sys::error_context_stack = self.0 };
        }
    }
    refill();
    // SAFETY: a process has one thread; the callback is taken off before its memory goes, whether `work` returns or unwinds.
    unsafe {
        let mut callback = pg_sys::ErrorContextCallback {
            previous: pg_sys::error_context_stack,
            callback: Some(error_is_raised),
            arg: core::ptr::null_mut(),
        };
        let _pop = Pop(callback.previous);
        pg_sys::error_context_stack = &mut callback;
        work()
    }
}

/// Whether this is the callback of [`with_reserve`], which says nothing about the user's code.
pub fn is_own(callback: Option<unsafe extern "C-unwind" fn(*mut c_void)>) -> bool {
    callback.is_some_and(|callback| callback as usize == error_is_raised as *const () as usize)
}

/// # Safety
/// Called by errfinish().
#[allow(ffi_unwind_calls, reason = "only reads a field; raises nothing")]
unsafe extern "C-unwind" fn error_is_raised(_argument: *mut c_void) {
    // SAFETY: an error is being raised.
    let code = unsafe { raw::geterrcode() };
    if code == pg_sys::errcodes::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int {
        give_back();
    }
}

/// Whether there is memory to work with a text of this length; asked before it is copied.
pub fn expect(length: usize) -> Result<(), Failure> {
    probe(length.saturating_mul(COPIES))
}

/// Raises "out of memory" where there is none for an allocation of this size that is about to be made.
pub fn require(size: usize) {
    probe(size).unwrap_or_else(|failure| failure.raise());
}

/// A copy of what may be large.
pub fn copy(bytes: &[u8]) -> Vec<u8> {
    require(bytes.len());
    bytes.to_vec()
}

fn probe(needed: usize) -> Result<(), Failure> {
    if needed < RESERVE {
        return Ok(());
    }
    let mut probe: Vec<u8> = Vec::new();
    // The compiler must not leave out an allocation that nobody uses.
    match core::hint::black_box(&mut probe).try_reserve_exact(needed) {
        Ok(()) => Ok(()),
        Err(_) => Err(Failure::out_of_memory(needed)),
    }
}
