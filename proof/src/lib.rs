//! What the programs of `proof/` share. They are started by scripts (`proof/fidelity`, `proof/torture`), which set up
//! PostgreSQL and install the extension, and run as the unprivileged user whose servers they start.

/// A PostgreSQL server of its own: the very module that the extension's tests use.
#[allow(clippy::new_without_default, reason = "the tests have no use for one")]
#[path = "../../src/tests/cluster.rs"]
pub mod cluster;
pub mod fidelity;
pub mod server;
