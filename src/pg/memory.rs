//! Memory runs out: an error of the command, never the end of the server process.
//!
//! Without this, two things would end it, and with it all sessions. Rust aborts a process when malloc() fails. And pgrx
//! copies each error that passes one of its boundaries while its own jump buffer is still in place (pgrx-pg-sys, ffi.rs:
//! CopyErrorData): when there is no memory for the copy, that is an error again, until PostgreSQL panics with
//! "ERRORDATA_STACK_SIZE exceeded". So there are two reserves while our code runs. One is Rust's alone, an [`Arena`] from
//! which it gets what malloc() refuses; nobody else can use it up. The other is given back to malloc() as soon as an error is
//! raised below us: elog.c calls error context callbacks before it jumps.
//! Texts that could be larger than the arena are asked for in advance ([`expect`], [`require`]). And pgrx takes a backtrace
//! of each error where the server's environment has RUST_BACKTRACE: as much memory as the stack is deep, and if there is
//! none, a process that waits for itself. So there are no backtraces ([`take_no_backtraces`]).
//!
//! Relied on: errfinish() calls the callbacks of error_context_stack, in which geterrcode() is valid; a reserve that is not
//! written to takes address space only.
//! Not promised: anything for allocations larger than the arena that nobody asked for in advance.

use crate::error::Failure;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use pgrx::pg_sys;
use std::alloc::System;

/// Of each of the two: enough for error messages and small objects, and for a block of a memory context of ordinary size.
const RESERVE: usize = 512 * 1024;
/// A statement's text is held so many times at once, at most: as sent, as stored, in the row, in the JSON document.
const COPIES: usize = 8;

/// The second reserve, as long as nobody needed it.
static KEPT: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static ARENA: Arena = Arena::new();

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

const ALIGNMENT: usize = 16;

const fn reserve_layout() -> Layout {
    match Layout::from_size_align(RESERVE, ALIGNMENT) {
        Ok(layout) => layout,
        Err(_) => panic!("a size and an alignment that fit"),
    }
}

/// Backtraces of errors stay off in this process, whatever its environment asks for: what std::backtrace makes of the
/// environment it keeps from the first time that it is asked. Other libraries have their own copy of it.
pub fn take_no_backtraces() {
    const VARIABLE: &str = "RUST_LIB_BACKTRACE";
    let before = std::env::var_os(VARIABLE);
    // SAFETY: a server process has one thread.
    unsafe { std::env::set_var(VARIABLE, "0") };
    let _ = std::backtrace::Backtrace::capture();
    // SAFETY: as above.
    unsafe {
        match before {
            Some(value) => std::env::set_var(VARIABLE, value),
            None => std::env::remove_var(VARIABLE),
        }
    }
}

/// Memory that is handed out from its start to its end, and starts again when all of it is free. What is in it is there
/// for a moment: commands that find malloc() empty end soon.
struct Arena {
    /// Null until it is needed for the first time, and in processes that are no server's.
    start: AtomicPtr<u8>,
    /// Bytes handed out, and in how many pieces.
    used: AtomicUsize,
    pieces: AtomicUsize,
}

// A server process has one thread: the operations on these are not meant to be atomic together.
impl Arena {
    const fn new() -> Self {
        Arena {
            start: AtomicPtr::new(core::ptr::null_mut()),
            used: AtomicUsize::new(0),
            pieces: AtomicUsize::new(0),
        }
    }

    /// Makes sure that it is there; whether it is, and is more than half free.
    fn is_ready(&self) -> bool {
        if self.start.load(Ordering::Relaxed).is_null() {
            // SAFETY: the layout is not empty.
            let start = unsafe { System.alloc(reserve_layout()) };
            self.start.store(start, Ordering::Relaxed);
        }
        !self.start.load(Ordering::Relaxed).is_null() && !self.is_scarce()
    }

    fn is_scarce(&self) -> bool {
        self.used.load(Ordering::Relaxed) > RESERVE / 2
    }

    fn has(&self, memory: *const u8) -> bool {
        let start = self.start.load(Ordering::Relaxed) as usize;
        start != 0 && (start..start + RESERVE).contains(&(memory as usize))
    }

    fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.start.load(Ordering::Relaxed);
        let at =
            (self.used.load(Ordering::Relaxed)).next_multiple_of(layout.align().max(ALIGNMENT));
        if start.is_null()
            || layout.align() > ALIGNMENT
            || layout.size() > RESERVE.saturating_sub(at)
        {
            return core::ptr::null_mut();
        }
        self.used.store(at + layout.size(), Ordering::Relaxed);
        self.pieces.fetch_add(1, Ordering::Relaxed);
        // SAFETY: it fits, as was just seen.
        unsafe { start.add(at) }
    }

    /// # Safety
    /// `memory` came from here with this layout.
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let at = memory as usize - self.start.load(Ordering::Relaxed) as usize;
        if self.pieces.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.used.store(0, Ordering::Relaxed);
        } else if at + layout.size() == self.used.load(Ordering::Relaxed) {
            self.used.store(at, Ordering::Relaxed);
        }
    }
}

/// Makes sure that both reserves are there; whether they are.
pub fn refill() -> bool {
    if KEPT.load(Ordering::Relaxed).is_null() {
        // SAFETY: the layout is not empty.
        KEPT.store(unsafe { System.alloc(reserve_layout()) }, Ordering::Relaxed);
    }
    ARENA.is_ready() && !KEPT.load(Ordering::Relaxed).is_null()
}

/// Gives the second reserve back to malloc().
fn give_back() {
    let kept = KEPT.swap(core::ptr::null_mut(), Ordering::Relaxed);
    if !kept.is_null() {
        // SAFETY: it came from this allocator with this layout.
        unsafe { System.dealloc(kept, reserve_layout()) };
    }
}

/// Rust's allocations: those of malloc(), and then those of the arena.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// What malloc() gave, or else the arena.
fn or_arena(memory: *mut u8, layout: Layout) -> *mut u8 {
    if memory.is_null() {
        return ARENA.alloc(layout);
    }
    memory
}

// SAFETY: everything is done by the system's allocator, or by the arena with memory that this does not hand out otherwise.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        or_arena(unsafe { System.alloc(layout) }, layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above; what the arena gives is as large as the layout says.
        unsafe {
            let memory = System.alloc_zeroed(layout);
            if !memory.is_null() {
                return memory;
            }
            let memory = ARENA.alloc(layout);
            if !memory.is_null() {
                memory.write_bytes(0, layout.size());
            }
            memory
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; a failure leaves the old memory as it was, and the caller says that `size` is one of a layout.
        unsafe {
            if !ARENA.has(memory) {
                let grown = System.realloc(memory, layout, size);
                if !grown.is_null() {
                    return grown;
                }
            }
            let larger = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !larger.is_null() {
                core::ptr::copy_nonoverlapping(memory, larger, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            larger
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe {
            if ARENA.has(memory) {
                ARENA.dealloc(memory, layout)
            } else {
                System.dealloc(memory, layout)
            }
        }
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

/// Runs `work`, which may call PostgreSQL through pgrx's boundaries, with the reserves behind it; raises "out of memory" when
/// they are not to be had.
pub fn with_reserve<R>(work: impl FnOnce() -> R) -> R {
    struct Pop(*mut pg_sys::ErrorContextCallback);
    impl Drop for Pop {
        fn drop(&mut self) {
            // SAFETY: what was there before this frame outlives it.
            unsafe { pg_sys::error_context_stack = self.0 };
        }
    }
    if !refill() {
        Failure::out_of_memory(RESERVE).raise();
    }
    // SAFETY: a process has one thread; the callback is taken off before its memory goes, whether `work` returns or unwinds.
    unsafe {
        let mut callback = OWN_CALLBACK;
        callback.previous = pg_sys::error_context_stack;
        callback.arg = (&raw mut callback).cast();
        let _pop = Pop(callback.previous);
        pg_sys::error_context_stack = &mut callback;
        work()
    }
}

/// Gives the reserve back when an error is raised, and leaves out what the context of "out of memory" would be further up: the
/// texts of statements, which may be of any length. For a stack of callbacks that is put in the place of the whole one.
pub const OWN_CALLBACK: pg_sys::ErrorContextCallback = pg_sys::ErrorContextCallback {
    previous: core::ptr::null_mut(),
    callback: Some(error_is_raised),
    arg: core::ptr::null_mut(),
};

/// Whether this is the callback of [`with_reserve`], which says nothing about the user's code.
pub fn is_own(callback: Option<unsafe extern "C-unwind" fn(*mut c_void)>) -> bool {
    callback.is_some_and(|callback| callback as usize == error_is_raised as *const () as usize)
}

/// Whether it is of none of the classes 00, 01 and 02, which messages of lower levels have (elog.c: errstart).
fn is_error(code: c_int) -> bool {
    const CLASS: c_int = 0xFFF;
    !matches!(code & CLASS, 0x000 | 0x040 | 0x080)
}

/// # Safety
/// Called by errfinish(), with NULL or the entry that this is the callback of.
#[allow(ffi_unwind_calls, reason = "only reads a field; raises nothing")]
unsafe extern "C-unwind" fn error_is_raised(entry: *mut c_void) {
    // SAFETY: an error is being raised; the entry is that of a frame that the error has not left yet.
    unsafe {
        let code = raw::geterrcode();
        if is_error(code) {
            give_back();
        }
        if code == pg_sys::errcodes::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int
            && let Some(entry) = entry.cast::<pg_sys::ErrorContextCallback>().as_mut()
        {
            entry.previous = core::ptr::null_mut();
        }
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
    if needed < RESERVE / 2 && !ARENA.is_scarce() {
        return Ok(());
    }
    let failure = || Failure::out_of_memory(needed);
    let layout = Layout::array::<u8>(needed.max(RESERVE)).map_err(|_| failure())?;
    // SAFETY: the layout is not empty; what is there is given back with the same one.
    unsafe {
        // The compiler must not leave out an allocation that nobody uses.
        let probe = core::hint::black_box(System.alloc(layout));
        if probe.is_null() {
            return Err(failure());
        }
        System.dealloc(probe, layout);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// Pieces do not overlap, are aligned, and the last one gives its room back; when all are gone it starts again.
    #[test]
    fn arena() {
        let arena = Arena::new();
        assert!(arena.alloc(layout(1, 1)).is_null());
        assert!(arena.is_ready());
        let pieces: Vec<(*mut u8, Layout)> = [layout(3, 1), layout(40, 8), layout(100_000, 16)]
            .into_iter()
            .map(|layout| (arena.alloc(layout), layout))
            .collect();
        for (n, (memory, layout)) in pieces.iter().enumerate() {
            assert!(arena.has(*memory) && (*memory as usize).is_multiple_of(layout.align()));
            // SAFETY: a piece is as large as its layout says.
            unsafe { memory.write_bytes(n as u8, layout.size()) };
        }
        for (n, (memory, layout)) in pieces.iter().enumerate() {
            // SAFETY: as above, and written to.
            let bytes = unsafe { core::slice::from_raw_parts(*memory, layout.size()) };
            assert!(bytes.iter().all(|&byte| byte == n as u8));
        }
        assert!(arena.alloc(layout(RESERVE, 1)).is_null());
        assert!(arena.alloc(layout(8, 64)).is_null());
        let large = layout(300_000, 1);
        let last = arena.alloc(large);
        assert!(arena.has(last) && arena.is_scarce() && !arena.is_ready());
        // SAFETY: each came from this arena with its layout.
        unsafe {
            arena.dealloc(last, large);
            assert!(!arena.is_scarce());
            assert_eq!(arena.alloc(large), last);
            arena.dealloc(last, large);
            for (memory, layout) in &pieces {
                arena.dealloc(*memory, *layout);
            }
        }
        assert_eq!(arena.alloc(layout(3, 1)), pieces[0].0);
    }
}
