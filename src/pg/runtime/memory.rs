//! Memory runs out: an error of the command, never the end of the server process.
//!
//! What would end it, and with it all sessions, and what is done about it:
//! - Rust aborts a process when its allocator has nothing. Ours has an [`Arena`], which is there as soon as the library is, gives
//!   what malloc() refuses, and is nobody else's. Texts that could be larger are asked for in advance ([`expect`], [`require`]).
//! - pgrx copies each error that passes one of its boundaries, while its own jump buffer is still in place and into whatever
//!   memory context is the current one (pgrx-pg-sys, ffi.rs: CopyErrorData): where the copy fails, that error comes to the same
//!   place, until PostgreSQL panics with "ERRORDATA_STACK_SIZE exceeded". So the copy is made in a context that has its memory
//!   from the start, and is cut where Rust could not have it ([`__wrap_CopyErrorData`]).
//! - The C library aborts where there is none for a thread's variables, or to note down the destructor of one: they are used as
//!   soon as the library is there ([`prepare`]), and no destructors are noted ([`__wrap___cxa_thread_atexit_impl`]).
//! - pgrx takes a backtrace of each error where the server's environment has RUST_BACKTRACE: as much memory as the stack is deep,
//!   and if there is none, a process that waits for itself. So there are no backtraces ([`take_no_backtraces`]).
//!
//! Relied on: the linker puts what is called `__wrap_` in the place of the functions that build.rs names, in this library only;
//! FreeErrorData() with a copy of any context; the destructors of variables of a thread have nothing to do at the end of a process.
//! Not promised: anything for allocations larger than the arena that nobody asked for in advance.

use crate::pg::runtime::finally::throws;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};
use pgrx::pg_sys;
use std::alloc::System;

/// Bytes of the arena: enough for error messages and small objects. Those that are not written to take address space only.
const RESERVE: usize = 512 * 1024;
/// A statement's text is held so many times at once, at most: as sent, as stored, in the row, in the JSON document.
const COPIES: usize = 8;
/// Bytes of an error that are copied without asking whether there is memory, and those that are left where there is not.
const ERROR: usize = RESERVE / 16;
const CUT_ERROR: usize = 1024;

static ARENA: Arena = Arena::new();

mod raw {
    use super::*;
    unsafe extern "C-unwind" {
        pub fn errstart(level: c_int, domain: *const c_char) -> bool;
        pub fn errcode(code: c_int) -> c_int;
        pub fn errmsg(format: *const c_char, ...) -> c_int;
        pub fn errdetail(format: *const c_char, ...) -> c_int;
        pub fn errhidestmt(hide: bool) -> c_int;
        pub fn errhidecontext(hide: bool) -> c_int;
        pub fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
        pub fn AllocSetContextCreateInternal(
            parent: pg_sys::MemoryContext,
            name: *const c_char,
            least: usize,
            first_block: usize,
            largest_block: usize,
        ) -> pg_sys::MemoryContext;
        pub fn MemoryContextReset(context: pg_sys::MemoryContext);
        pub fn __real_CopyErrorData() -> *mut pg_sys::ErrorData;
    }
}

/// The context of copied errors; made once, in a process that has memory still.
static mut COPIED_ERROR: pg_sys::MemoryContext = core::ptr::null_mut();

thread_local! {
    static VARIABLE_OF_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// For `_PG_init`, before anything else. Without memory it raises an error, and can be called again.
#[allow(
    ffi_unwind_calls,
    reason = "jumps to the next handler; nothing here has a destructor"
)]
pub fn prepare() {
    // SAFETY: a process has one thread; TopMemoryContext is there as long as the process, and so is its child. `_PG_init` has no
    // value with a destructor that PostgreSQL could jump over.
    unsafe {
        if COPIED_ERROR.is_null() {
            COPIED_ERROR = raw::AllocSetContextCreateInternal(
                pg_sys::TopMemoryContext,
                c"dts_ddl_capture errors".as_ptr(),
                ERROR,
                ERROR,
                ERROR,
            );
        }
        if !has_malloc(RESERVE) {
            raise(RESERVE);
        }
        // The first use of one takes memory for all of them, and where there is none the C library aborts.
        VARIABLE_OF_THREAD.set(core::hint::black_box(true));
    }
    take_no_backtraces();
}

/// In the place of CopyErrorData() where pgrx calls it. What it gives is there until the next one: pgrx takes it apart at once.
///
/// # Safety
/// As for CopyErrorData(), after a jump.
#[allow(
    ffi_unwind_calls,
    reason = "jumps to the next handler; nothing here has a destructor"
)]
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn __wrap_CopyErrorData() -> *mut pg_sys::ErrorData {
    // SAFETY: the entries of the context stack may be those of frames that the jump has left; pgrx puts back its own. The closure
    // owns nothing. A copy that fails left nothing but chunks of the context, and its own error, whose texts are short, is then the
    // one to copy.
    unsafe {
        pg_sys::error_context_stack = core::ptr::null_mut();
        let before = pg_sys::CurrentMemoryContext;
        let mut copy = core::ptr::null_mut();
        while throws(|| {
            if !COPIED_ERROR.is_null() {
                raw::MemoryContextReset(COPIED_ERROR);
                pg_sys::CurrentMemoryContext = COPIED_ERROR;
            }
            copy = raw::__real_CopyErrorData();
        }) {}
        pg_sys::CurrentMemoryContext = before;
        cut_for_rust(&mut *copy);
        copy
    }
}

/// pgrx makes Rust strings of these; each byte that is not UTF-8 becomes three, twice.
///
/// # Safety
/// A copy, whose texts are its own.
unsafe fn cut_for_rust(error: &mut pg_sys::ErrorData) {
    // SAFETY: the texts end with a zero, and may be written to within their length.
    unsafe {
        let texts = [error.message, error.detail, error.hint];
        let length = |text: *mut c_char| {
            if text.is_null() {
                0
            } else {
                core::ffi::CStr::from_ptr(text).count_bytes()
            }
        };
        let all: usize = texts.iter().map(|&text| length(text)).sum();
        if all <= ERROR || has_malloc(all.saturating_mul(COPIES)) {
            return;
        }
        for text in texts {
            if length(text) > CUT_ERROR {
                text.add(CUT_ERROR).write(0);
            }
        }
    }
}

/// In the place of the C library's function that notes the destructor of a variable of a thread.
#[unsafe(no_mangle)]
extern "C" fn __wrap___cxa_thread_atexit_impl(
    _destructor: *mut c_void,
    _object: *mut c_void,
    _library: *mut c_void,
) -> c_int {
    0
}

/// Backtraces of errors stay off in this process, whatever its environment asks for: what std::backtrace makes of the
/// environment it keeps from the first time that it is asked. Other libraries have their own copy of it.
pub fn take_no_backtraces() {
    unsafe extern "C" {
        static mut environ: *const *const c_char;
    }
    let own = [c"RUST_LIB_BACKTRACE=0".as_ptr(), core::ptr::null()];
    // SAFETY: a server process has one thread. To change a variable would take memory.
    unsafe {
        let whole = environ;
        environ = own.as_ptr();
        let _ = std::backtrace::Backtrace::capture();
        environ = whole;
    }
}

/// Memory that is handed out from its start to its end, and starts again when all of it is free. What is in it is there
/// for a moment: commands that find malloc() empty end soon.
struct Arena {
    memory: UnsafeCell<Memory>,
    /// Bytes handed out, and in how many pieces.
    used: AtomicUsize,
    pieces: AtomicUsize,
}

/// Of each piece; malloc() promises as much.
const ALIGNMENT: usize = align_of::<u128>();
type Memory = [u128; RESERVE / ALIGNMENT];

// SAFETY: a server process has one thread; the operations on the numbers are not meant to be atomic together.
unsafe impl Sync for Arena {}

impl Arena {
    const fn new() -> Self {
        Arena {
            memory: UnsafeCell::new([0; RESERVE / ALIGNMENT]),
            used: AtomicUsize::new(0),
            pieces: AtomicUsize::new(0),
        }
    }

    fn start(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// Whether less than half of it is free.
    fn is_scarce(&self) -> bool {
        self.used.load(Ordering::Relaxed) > RESERVE / 2
    }

    fn has(&self, memory: *const u8) -> bool {
        (memory as usize).wrapping_sub(self.start() as usize) < RESERVE
    }

    fn alloc(&self, layout: Layout) -> *mut u8 {
        let at =
            (self.used.load(Ordering::Relaxed)).next_multiple_of(layout.align().max(ALIGNMENT));
        if layout.align() > ALIGNMENT || layout.size() > RESERVE.saturating_sub(at) {
            return core::ptr::null_mut();
        }
        self.used.store(at + layout.size(), Ordering::Relaxed);
        self.pieces.fetch_add(1, Ordering::Relaxed);
        // SAFETY: it fits, as was just seen.
        unsafe { self.start().add(at) }
    }

    /// # Safety
    /// `memory` came from here with this layout.
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let at = memory as usize - self.start() as usize;
        if self.pieces.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.used.store(0, Ordering::Relaxed);
        } else if at + layout.size() == self.used.load(Ordering::Relaxed) {
            self.used.store(at, Ordering::Relaxed);
        }
    }
}

/// Whether Rust has memory for what is ordinary: the arena, or where what is kept there fills it, malloc().
pub fn has_reserve() -> bool {
    !ARENA.is_scarce() || has_malloc(RESERVE)
}

/// Whether malloc() would give so many bytes.
fn has_malloc(size: usize) -> bool {
    let Ok(layout) = Layout::array::<u8>(size.max(1)) else {
        return false;
    };
    // SAFETY: the layout is not empty; what is there is given back with the same one.
    unsafe {
        // The compiler must not leave out an allocation that nobody uses.
        let probe = core::hint::black_box(System.alloc(layout));
        if !probe.is_null() {
            System.dealloc(probe, layout);
        }
        !probe.is_null()
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
pub unsafe fn require_reserve() {
    // SAFETY: the caller's promise.
    unsafe {
        if !has_reserve() {
            raise(RESERVE);
        }
    }
}

/// As ereport(ERROR) does it, with nothing that has to be allocated by us.
///
/// # Safety
/// As for [`require_reserve`].
#[allow(
    ffi_unwind_calls,
    reason = "jumps to the next handler; nothing here has a destructor"
)]
unsafe fn raise(size: usize) {
    // SAFETY: the sequence of calls that ereport() expands to (elog.h); size_t is what %zu takes.
    unsafe {
        if raw::errstart(pgrx::PgLogLevel::ERROR as c_int, core::ptr::null()) {
            raw::errcode(pg_sys::errcodes::PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as c_int);
            if is_statement_long() {
                raw::errhidestmt(true);
                raw::errhidecontext(true);
            }
            raw::errmsg(c"out of memory".as_ptr());
            raw::errdetail(
                c"Failed on request of size %zu in extension dts_ddl_capture.".as_ptr(),
                size,
            );
            raw::errfinish(
                concat!(file!(), "\0").as_ptr() as *const c_char,
                line!() as c_int,
                c"raise".as_ptr(),
            );
        }
    }
}

/// A statement that is longer is not added to messages in the server log: one that does not fit into 1 GiB there, with
/// the rest, would make the message an error of the user's command.
const LONG: usize = 64 << 20;

pub(in crate::pg) fn is_statement_long() -> bool {
    // SAFETY: the client's string, NULL or valid during the statement.
    unsafe {
        let statement = pg_sys::debug_query_string;
        !statement.is_null() && CStr::from_ptr(statement).count_bytes() > LONG
    }
}

/// An allocation of so many bytes would fail.
pub struct OutOfMemory(pub usize);

impl OutOfMemory {
    fn raise(self) -> ! {
        // SAFETY: the boundary makes the error a panic, which unwinds.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| raise(self.0)) };
        unreachable!("an ERROR does not return")
    }
}

/// Runs `work` with the reserve behind it; raises "out of memory" when there is none.
pub fn with_reserve<R>(work: impl FnOnce() -> R) -> R {
    if !has_reserve() {
        OutOfMemory(RESERVE).raise();
    }
    work()
}

/// Whether there is memory to work with a text of this length; asked before it is copied.
pub fn expect(length: usize) -> Result<(), OutOfMemory> {
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

fn probe(needed: usize) -> Result<(), OutOfMemory> {
    if needed < RESERVE / 2 && !ARENA.is_scarce() || has_malloc(needed.max(RESERVE)) {
        return Ok(());
    }
    Err(OutOfMemory(needed))
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
        assert!(arena.has(last) && arena.is_scarce());
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
