//! TODO

pub mod check;
pub mod pending;
pub mod script;
