//! The only place with FFI, `unsafe` and differences between PostgreSQL majors; everything outside is safe Rust.
//!
//! Functions here are safe to call from the one thread of a backend inside a transaction, unless their comment says
//! otherwise. A PostgreSQL error raised below them unwinds as a Rust panic (pgrx) and is thrown on, untouched, at the
//! entry point; only [`hooks`] and, in
//! [`runtime`], `memory`, `finally` and `short_error` call C without that boundary, so that a user's error passes through as it is.
//! What they call so is declared by hand: the bound functions have the boundary in them.

pub mod catalog;
pub mod command;
pub mod hooks;
pub mod replication;
pub mod runtime;
pub mod store;
