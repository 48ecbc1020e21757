//! What the tests of the extension and the programs of `proof/` and `bench/` share.

pub mod cluster;
pub mod server;
pub mod wire;
