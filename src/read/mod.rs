//! What is made of the rows for people: a script for psql, checks and numbers, what consumers have not confirmed.

pub mod check;
pub mod pending;
pub mod script;
