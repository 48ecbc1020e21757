//! What the programs of `proof/` share. They are started by scripts (`proof/fidelity`, `proof/torture`), which set up
//! PostgreSQL and install the extension, and run as the unprivileged user whose servers they start.

pub mod decoded;
pub mod fidelity;
