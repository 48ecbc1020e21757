//! The schemas of two databases, entry by entry, as pg_dump writes them.

pub mod dump;
pub mod taken;
