//! Which PostgreSQL a program of `proof/` or `bench/` works on, as the environment says.

use crate::cluster::{Cluster, Installation};
use std::sync::LazyLock;

pub struct Server {
    pub bindir: String,
    pub major: u32,
    pub user: String,
}

/// `DTS_PROOF_BINDIR`, `DTS_PROOF_MAJOR`: set by `proof_run` of tools/lib.sh.
pub fn server() -> &'static Server {
    static SERVER: LazyLock<Server> = LazyLock::new(|| {
        let variable = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| {
                eprintln!("{name} is not set: start this program by its script in proof/");
                std::process::exit(2)
            })
        };
        Server {
            bindir: variable("DTS_PROOF_BINDIR"),
            major: variable("DTS_PROOF_MAJOR").parse().unwrap_or_default(),
            user: "postgres".to_owned(),
        }
    });
    &SERVER
}

pub fn under_test() -> Installation {
    let server = server();
    Installation::new(&server.bindir, server.major, &server.user)
}

/// A fresh cluster, stopped.
pub fn fresh() -> Cluster {
    Cluster::of(under_test())
}
