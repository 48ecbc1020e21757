//! Steps of a migration by logical replication, from outside of both servers: ordinary connections and pg_dump, nothing
//! that has to be installed. The program `dts-migrate` is made of it, and programs of `proof/` use it.
//!
//! Between two databases it is assumed that neither can be trusted by the other, nor their users by whoever runs this:
//! no function, operator, cast or domain check of theirs is called ([`connection`], [`compare`]).

pub mod check;
pub mod compare;
pub mod config;
pub mod connection;
pub mod finish;
pub mod interrupt;
pub mod output;
pub mod pair;
pub mod problem;
pub mod recopy;
pub mod record;
pub mod schema;
pub mod start;
pub mod status;
pub mod switch;
