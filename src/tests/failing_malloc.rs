//! For LD_PRELOAD, built by the test that uses it: from a given call on, malloc() of one process has no more than what is freed.
//! The file that FAILING_MALLOC names says which process and after how many calls; it is there for the server and for the test.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering::Relaxed};

#[repr(C)]
struct Control {
    /// 0: nobody's memory ends.
    process: AtomicI64,
    /// Calls until it ends.
    left: AtomicI64,
    /// Calls that were refused.
    refused: AtomicI64,
    /// Bytes freed since.
    freed: AtomicI64,
}

static CONTROL: AtomicPtr<Control> = AtomicPtr::new(null_mut());

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(number: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(memory: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    fn __libc_free(memory: *mut c_void);
    fn malloc_usable_size(memory: *mut c_void) -> usize;
    fn getenv(name: *const c_char) -> *const c_char;
    fn getpid() -> c_int;
    fn open(path: *const c_char, flags: c_int) -> c_int;
    fn mmap(
        at: *mut c_void,
        size: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: c_long,
    ) -> *mut c_void;
}

#[used]
#[unsafe(link_section = ".init_array")]
static INIT: extern "C" fn() = init;

extern "C" fn init() {
    const O_RDWR: c_int = 2;
    const PROT_READ_WRITE: c_int = 3;
    const MAP_SHARED: c_int = 1;
    // SAFETY: the C library is there before this library's own start.
    unsafe {
        let path = getenv(c"FAILING_MALLOC".as_ptr());
        let file = if path.is_null() {
            -1
        } else {
            open(path, O_RDWR)
        };
        if file >= 0 {
            let memory = mmap(
                null_mut(),
                size_of::<Control>(),
                PROT_READ_WRITE,
                MAP_SHARED,
                file,
                0,
            );
            if memory as isize != -1 {
                CONTROL.store(memory.cast(), Relaxed);
            }
        }
    }
}

/// That of this process, if it is meant.
fn control() -> Option<&'static Control> {
    // SAFETY: mapped for as long as the process lives.
    let control = unsafe { CONTROL.load(Relaxed).as_ref() }?;
    let process = control.process.load(Relaxed);
    // SAFETY: always.
    (process != 0 && process == i64::from(unsafe { getpid() })).then_some(control)
}

fn is_allowed(size: usize) -> bool {
    let Some(control) = control() else {
        return true;
    };
    if control.left.load(Relaxed) > 0 {
        control.left.fetch_sub(1, Relaxed);
        return true;
    }
    if control.freed.load(Relaxed) >= size as i64 {
        control.freed.fetch_sub(size as i64, Relaxed);
        return true;
    }
    control.refused.fetch_add(1, Relaxed);
    false
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    if !is_allowed(size) {
        return null_mut();
    }
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
    if !is_allowed(number.saturating_mul(size)) {
        return null_mut();
    }
    unsafe { __libc_calloc(number, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    let before = if memory.is_null() {
        0
    } else {
        unsafe { malloc_usable_size(memory) }
    };
    if size > before && !is_allowed(size - before) {
        return null_mut();
    }
    unsafe { __libc_realloc(memory, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    if !is_allowed(size) {
        return null_mut();
    }
    unsafe { __libc_memalign(alignment, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    to: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    const ENOMEM: c_int = 12;
    let memory = unsafe { aligned_alloc(alignment, size) };
    if memory.is_null() {
        return ENOMEM;
    }
    unsafe { *to = memory };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(memory: *mut c_void) {
    if let Some(control) = control()
        && !memory.is_null()
        && control.left.load(Relaxed) == 0
    {
        control
            .freed
            .fetch_add(unsafe { malloc_usable_size(memory) } as i64, Relaxed);
    }
    unsafe { __libc_free(memory) }
}
