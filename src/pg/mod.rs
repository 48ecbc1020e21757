//! The only place with FFI, `unsafe` and differences between PostgreSQL majors; everything outside is safe Rust.
//!
//! Functions here are safe to call from the one thread of a backend inside a transaction, unless their comment says
//! otherwise. A PostgreSQL error raised below them unwinds as a Rust panic (pgrx) and is thrown on, untouched, at the
//! entry point; only [`hooks`] calls C without that boundary, so that a user's error passes through as it is.

pub mod build_lock;
pub mod catalog;
mod compat;
pub mod context_stack;
pub mod created;
pub mod current_setting;
mod dependency;
pub mod early_lock;
pub mod empty;
pub mod event;
pub mod eventless;
pub mod execute;
pub mod finally;
pub mod handlers;
pub mod hooks;
pub mod identity;
pub mod index;
pub mod keep;
pub mod like;
pub mod logical_message;
pub mod memory;
pub mod node;
pub mod object_access;
pub mod own;
pub mod partition;
pub mod publication;
pub mod publisher;
pub mod relation;
pub mod report;
pub mod rights;
pub mod role_clause;
mod role_spec;
pub mod row_image;
mod row_rights;
mod scan;
pub mod sequence;
pub mod sequence_range;
pub mod session;
pub mod setting;
pub mod short_error;
pub mod source;
pub mod spi;
pub mod stored;
pub mod subscription;
pub mod subtransaction;
pub mod table;
pub mod tablespace;
pub mod temporary_need;
pub mod temporary_type;
pub mod text;
pub mod trigger;
pub mod wal;
pub mod without_temporary;
pub mod worker_error;
