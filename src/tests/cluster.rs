//! Servers of their own of the PostgreSQL under test, for a test that restarts or kills one, or needs two.

use super::server::server;
pub use harness::cluster::{Cluster, Installation, as_server_user};

pub fn under_test() -> Installation {
    let server = server();
    Installation::new(&server.bindir, server.major, &server.user)
}

/// Those of `DTS_TEST_PEERS="13=/path/to/bin 17=/path/to/bin"`: other majors that have the extension installed.
pub fn peers() -> Vec<Installation> {
    let peers = std::env::var("DTS_TEST_PEERS").unwrap_or_default();
    peers
        .split_whitespace()
        .map(|peer| {
            let (major, bindir) = peer.split_once('=').expect("MAJOR=DIRECTORY");
            Installation::new(bindir, major.parse().expect("a major"), &server().user)
        })
        .collect()
}

/// A fresh cluster, stopped.
pub fn fresh() -> Cluster {
    Cluster::of(under_test())
}
