//! A live migration from end to end, as `proof/migrate` tries it and `bench/migrate` measures it: what a database has
//! (`database`), what its users do meanwhile (`load`), the two servers (`server`), rounds of the program with kills
//! (`rounds`), and what must be so afterwards (`state`). None of it uses what the program says of itself but its exit status
//! and the seconds of downtime that it prints.

pub mod bench;
pub mod database;
#[path = "../torture/dice.rs"]
mod dice;
pub mod load;
pub mod rounds;
pub mod server;
pub mod state;
