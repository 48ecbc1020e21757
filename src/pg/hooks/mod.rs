//! Hooks on statements, objects, functions and the log; callbacks; row triggers; and commands that are run for them. What
//! stands above is called through [`handlers`] alone. (Caches listen for themselves, `catalog::spi` has a hook of its own,
//! event triggers stand in capture and apply.)

pub mod access;
pub mod build_lock;
pub mod execute;
pub mod handlers;
pub mod keep;
pub mod object_access;
pub mod relations;
pub mod row_rights;
pub mod running;
pub mod statements;
pub mod transactions;
pub mod trigger;
mod trigger_functions;
pub mod worker_error;
