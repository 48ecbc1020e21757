//! What is made of the rows for people: a script for psql, checks and numbers, what consumers have not confirmed, and what they do
//! not run.

pub mod check;
pub mod consumers;
pub mod pending;
pub mod script;
