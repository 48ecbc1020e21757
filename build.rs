//! Has the linker put two functions of this library in the place of others, for its own calls only: see the head of
//! `src/pg/runtime/memory.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for function in ["CopyErrorData", "__cxa_thread_atexit_impl"] {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--wrap={function}");
    }
    // Another library in the same process may have functions of these names.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");
}
