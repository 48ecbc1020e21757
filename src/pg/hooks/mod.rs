//! What PostgreSQL calls: hooks, callbacks, trigger functions; and commands that are run for it. What stands above is called
//! through [`handlers`] alone.

pub mod access;
pub mod build_lock;
pub mod created;
pub mod execute;
pub mod handlers;
pub mod keep;
pub mod object_access;
pub mod row_rights;
pub mod running;
pub mod statements;
pub mod trigger;
mod trigger_functions;
pub mod worker_error;
