//! The test suite, run by `cargo pgrx test pgNN` against a server that pgrx installs into, starts and stops.
//!
//! [`each_major`]`::sql` runs the files of `pg_test/` with psql, one `#[test]` and one database each. The other modules speak the
//! protocol themselves, for what psql cannot do. `apply_*` run between two servers of their own ([`pair`]). Nothing of this is
//! compiled into the library that is tested.

#[cfg(test)]
mod apply_attack;
#[cfg(test)]
mod apply_check;
#[cfg(test)]
mod apply_copy;
#[cfg(test)]
mod apply_extension;
#[cfg(test)]
mod apply_failover;
#[cfg(test)]
mod apply_kept;
#[cfg(test)]
mod apply_lacks;
#[cfg(test)]
mod apply_long;
#[cfg(test)]
mod apply_major;
#[cfg(test)]
mod apply_names;
#[cfg(test)]
mod apply_policy;
#[cfg(test)]
mod apply_publication;
#[cfg(test)]
mod apply_readme;
#[cfg(test)]
mod apply_role;
#[cfg(test)]
mod apply_start;
#[cfg(test)]
mod apply_stops;
#[cfg(test)]
mod apply_table;
#[cfg(test)]
mod apply_topology;
#[cfg(test)]
mod check;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod consumers;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod dump;
#[cfg(test)]
mod each_major;
#[cfg(test)]
mod encoding;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod extension_scripts;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod migrate_check;
#[cfg(test)]
mod migrate_connection;
#[cfg(test)]
mod migrate_portable;
#[cfg(test)]
mod migrate_start;
#[cfg(test)]
mod migrate_switch;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod portable_apply;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod races;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod script;
#[cfg(test)]
mod server;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod size;
#[cfg(test)]
mod upgrade;
#[cfg(test)]
mod warnings;
#[cfg(test)]
mod whole_server;

/// What pgrx's test framework asks of a crate.
pub mod pg_test {
    #[allow(
        dead_code,
        reason = "part of pgrx's interface; no in-server test calls it yet"
    )]
    pub fn setup(_options: Vec<&str>) {}

    /// Nothing is preloaded: that is how most servers will run the extension. With `DTS_TEST_PRELOAD` in the environment
    /// the whole suite runs with `shared_preload_libraries`; every result must be the same.
    #[must_use]
    #[allow(dead_code, reason = "only called in test builds")]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        let mut options = vec![
            "wal_level = logical",
            "max_replication_slots = 50",
            "max_wal_senders = 10",
            "max_prepared_transactions = 20",
            "max_connections = 200",
            "max_locks_per_transaction = 256",
            "fsync = off",
            "log_statement = none",
            "log_min_duration_statement = -1",
            "log_min_messages = log",
        ];
        if std::env::var_os("DTS_TEST_PRELOAD").is_some() {
            options.push("shared_preload_libraries = 'dts_ddl_capture'");
        }
        options
    }
}
